//! Comparing: which blocks of the source differ from the digests of the destination.

use std::sync::Arc;

use blockcopy_blockio::{Slot, Source};
use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};

use crate::apply::Codec;
use crate::digest::Digests;
use crate::extent::Extent;
use crate::gather::refuse;
use crate::read::Block;
use crate::xz::{self, Preset};
use crate::{Done, Engine, Error};

/// Whether changed blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// In the .xz format where that makes them smaller.
    Xz(Preset),
}

/// A block that the destination needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Where it belongs, in bytes: the position of its extent.
    pub position: u64,
    /// How its payload is coded.
    pub codec: Codec,
    /// Where the payload lies in the slot, in bytes.
    pub offset: usize,
    /// Length of the payload in bytes.
    pub length: usize,
}

impl Engine {
    /// Reads `extents` of `source` into `slot` and gives `done` those that differ from `digests` (one per extent), in the
    /// order of the batch, compressed in place where asked for.
    ///
    /// An extent that the source ends in always differs, cut off at the end; one beyond the end never does.
    /// Without `digests` every extent differs.
    ///
    /// # Errors
    /// To `done`: a failed read, a source that became shorter, extents that do not fit into the slot,
    /// a failure of the compressor.
    pub fn diff(
        self: &Arc<Self>,
        source: &Arc<Source>,
        slot: Slot,
        extents: &[Extent],
        digests: Option<Digests>,
        compression: Compression,
        done: impl Done<Vec<Changed>>,
    ) {
        if digests
            .as_ref()
            .is_some_and(|digests| digests.count() != Some(extents.len()))
        {
            let error = Error::Request("there is not one digest per block");
            return refuse(slot, error, done);
        }
        let work = move |engine: &Engine, blocks: &mut [Block<'_>]| {
            let mut changed = engine.changed(blocks, digests.as_ref());
            match compression {
                Compression::None => Ok(changed.into_iter().map(as_is).collect()),
                // Each block on its own, not each piece: compressing is what takes the time.
                Compression::Xz(preset) => changed
                    .par_iter_mut()
                    .map(|block| compress(block, preset))
                    .collect(),
            }
        };
        self.for_each_piece(source, slot, extents, work, done);
    }

    /// Those of `blocks` that the destination needs.
    fn changed<'b, 'a>(
        &self,
        blocks: &'b mut [Block<'a>],
        theirs: Option<&Digests>,
    ) -> Vec<&'b mut Block<'a>> {
        let ours = theirs.map(|theirs| self.digests(theirs.algorithm, blocks));
        let same = |number: usize, block: &Block<'_>| match (&ours, theirs) {
            (Some(ours), Some(theirs)) => {
                block.data.len() == block.extent.length as usize
                    && ours.get(number) == theirs.get(block.index)
            }
            _ => false,
        };
        blocks
            .iter_mut()
            .enumerate()
            .filter(|(number, block)| !block.data.is_empty() && !same(*number, block))
            .map(|(_, block)| block)
            .collect()
    }
}

fn as_is(block: &mut Block<'_>) -> Changed {
    block.fill();
    Changed {
        position: block.extent.position,
        codec: Codec::Raw,
        offset: block.offset,
        length: block.data.len(),
    }
}

/// Puts the compressed block in the place of the block, where it is smaller.
fn compress(block: &mut Block<'_>, preset: Preset) -> Result<Changed, Error> {
    let mut changed = as_is(block);
    let position = block.extent.position;
    let compressed = xz::encode(block.data, preset).map_err(|error| Error::Compressor {
        position,
        reason: error.to_string(),
    })?;
    if let Some(compressed) = compressed {
        block.data[..compressed.len()].copy_from_slice(&compressed);
        changed.codec = Codec::Xz;
        changed.length = compressed.len();
    }
    Ok(changed)
}
