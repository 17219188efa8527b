//! Comparing: which blocks of the source differ from the digests of the destination.

use std::sync::Arc;

use blockcopy_blockio::{Slot, Source};
use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};

use crate::codec::{self, Codec, Compression};
use crate::content::Content;
use crate::digest::{Algorithm, Digests};
use crate::extent::Extent;
use crate::gather::refuse;
use crate::read::Block;
use crate::{Done, Engine, Error};

/// How changed blocks are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffOptions {
    /// Whether they are compressed, where that makes them smaller.
    pub compression: Compression,
    /// Whether those of zeros are given without a payload, as [`Codec::Zeros`].
    pub omit_zeros: bool,
}

/// A block that the destination needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedBlock {
    /// Where it belongs, in bytes: the position of its extent.
    pub position: u64,
    /// How its payload is coded.
    pub codec: Codec,
    /// Where the payload lies in the slot, in bytes; 0 where there is none.
    pub offset: usize,
    /// Length of the payload in bytes; where there is none, of the block.
    pub length: usize,
    /// Length of the block in bytes: less than that of its extent at the end of the source.
    pub block: usize,
    /// Which extent of the batch it is, counted from zero, and so which of [`Diff::digests`] is its own.
    pub index: usize,
}

/// What to compare a batch with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The digest of each block as the destination has it: those that are equal are left out.
    Digests(Digests),
    /// Nothing: every block is wanted. Their own digests are wanted too where there is an algorithm.
    Nothing(Option<Algorithm>),
}

impl Comparison {
    /// By which algorithm the blocks are to be digested, if they are.
    fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Digests(digests) => Some(digests.algorithm),
            Self::Nothing(algorithm) => *algorithm,
        }
    }

    fn digests(&self) -> Option<&Digests> {
        match self {
            Self::Digests(digests) => Some(digests),
            Self::Nothing(_) => None,
        }
    }
}

/// How a batch of the source compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// The blocks that the destination needs, in the order of the batch.
    pub changed: Vec<ChangedBlock>,
    /// The digest of each extent as the source has it, cut off at its end, one after the other; empty if none were asked for.
    pub digests: Vec<u8>,
}

impl Diff {
    /// That of a batch, from those of its pieces in order.
    fn joined(pieces: Vec<Self>) -> Self {
        let mut joined = Self::default();
        for mut piece in pieces {
            joined.changed.append(&mut piece.changed);
            joined.digests.append(&mut piece.digests);
        }
        joined
    }
}

impl Engine {
    /// Reads `extents` of `source` into `slot` and gives `done` those that differ from the digests in `theirs` (one per extent), in
    /// the order of the batch, coded in place as asked for.
    ///
    /// An extent that the source ends in always differs, cut off at the end; one beyond the end never does.
    ///
    /// # Errors
    /// To `done`: a failed read, a source that became shorter, extents that do not fit into the slot,
    /// a failure of the compressor.
    pub fn diff(
        self: &Arc<Self>,
        source: &Arc<Source>,
        slot: Slot,
        extents: &[Extent],
        theirs: Comparison,
        options: DiffOptions,
        done: impl Done<Diff>,
    ) {
        if theirs
            .digests()
            .is_some_and(|digests| digests.count() != Some(extents.len()))
        {
            let error = Error::Request("there is not one digest per block");
            return refuse(slot, error, done);
        }
        let work = move |engine: &Engine, blocks: &mut [Block<'_>]| {
            let ours = theirs
                .algorithm()
                .map(|algorithm| engine.digests(algorithm, blocks));
            let mut changed = changed(blocks, ours.as_ref(), theirs.digests());
            let changed = match options.compression {
                Compression::None => changed
                    .into_iter()
                    .map(|block| as_is(block, options.omit_zeros))
                    .collect(),
                // Each block on its own, not each piece: compressing is what takes the time.
                _ => changed
                    .par_iter_mut()
                    .map(|block| coded(block, options))
                    .collect::<Result<_, _>>()?,
            };
            let digests = ours.map(|ours| ours.bytes).unwrap_or_default();
            Ok(vec![Diff { changed, digests }])
        };
        let done = move |pieces: Result<_, _>| done(pieces.map(Diff::joined));
        self.for_each_piece(source, slot, extents, work, done);
    }
}

/// Those of `blocks` that the destination needs: all but those whose digests are the same in `ours` and in `theirs`.
fn changed<'b, 'a>(
    blocks: &'b mut [Block<'a>],
    ours: Option<&Digests>,
    theirs: Option<&Digests>,
) -> Vec<&'b mut Block<'a>> {
    let same = |number: usize, block: &Block<'_>| match (ours, theirs) {
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

/// A block that is not compressed. With `zeros`, one of zeros has no payload; most others show in their first bytes that they are
/// not, so looking costs less than their digest.
fn as_is(block: &mut Block<'_>, zeros: bool) -> ChangedBlock {
    let (codec, offset) = if zeros && matches!(block.content(), Content::Zeros(_)) {
        (Codec::Zeros, 0)
    } else {
        block.fill();
        (Codec::Raw, block.offset)
    };
    ChangedBlock {
        position: block.extent.position,
        codec,
        offset,
        length: block.data.len(),
        block: block.data.len(),
        index: block.index,
    }
}

/// Puts the compressed block in the place of the block, where it is smaller.
fn coded(block: &mut Block<'_>, options: DiffOptions) -> Result<ChangedBlock, Error> {
    let mut changed = as_is(block, options.omit_zeros);
    if changed.codec == Codec::Zeros {
        return Ok(changed);
    }
    let position = block.extent.position;
    let compressed = codec::encode(block.data, options.compression)
        .map_err(|reason| Error::Compressor { position, reason })?;
    if let Some(compressed) = compressed {
        block.data[..compressed.len()].copy_from_slice(&compressed);
        changed.codec = options.compression.codec();
        changed.length = compressed.len();
    }
    Ok(changed)
}
