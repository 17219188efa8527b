//! Comparing blocks of the source with the digests of the destination.

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

/// Encoding of the changed blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffOptions {
    /// Compression, used for blocks that it makes smaller.
    pub compression: Compression,
    /// Return blocks of zeros without a payload, as [`Codec::Zeros`].
    pub omit_zeros: bool,
}

/// Block that the destination needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedBlock {
    /// Offset in bytes: the position of its extent.
    pub position: u64,
    /// Encoding of its payload.
    pub codec: Codec,
    /// Offset of its payload in the slot, in bytes; 0 if there is none.
    pub offset: usize,
    /// Length of the payload in bytes; if there is none, of the block.
    pub length: usize,
    /// Length of the block in bytes: shorter than its extent at the end of the source.
    pub block: usize,
    /// Index of its extent in the batch, and of its digest in [`Diff::digests`].
    pub index: usize,
}

/// Digests to compare a batch with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Digest of each block as the destination has it. Equal blocks are left out.
    Digests(Digests),
    /// None: every block is returned, with its digest if there is an algorithm.
    Nothing(Option<Algorithm>),
}

impl Comparison {
    /// Returns the algorithm for the digests of the source, if they are needed.
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

/// Comparison of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Blocks that the destination needs, in the order of the batch.
    pub changed: Vec<ChangedBlock>,
    /// Digest of each extent as the source has it, cut off at its end, one after the other; empty if none were asked for.
    pub digests: Vec<u8>,
}

impl Diff {
    /// Joins the comparisons of the pieces of a batch, in order.
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
    /// Reads `extents` of `source` into `slot` and passes those that differ from `theirs` (one digest per extent) to `done`, in the order
    /// of the batch, encoded in place.
    ///
    /// An extent that reaches beyond the end of the source always differs and is cut off at the end; one that begins there never does.
    ///
    /// # Errors
    /// Passed to `done`: a failed read, a source that became shorter, extents that do not fit into the slot, a failure of the compressor.
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
                    .map(|block| uncompressed(block, options.omit_zeros))
                    .collect(),
                // In parallel within a piece too: compressing takes most of the time.
                _ => changed
                    .par_iter_mut()
                    .map(|block| compressed(block, options))
                    .collect::<Result<_, _>>()?,
            };
            let digests = ours.map(|ours| ours.bytes).unwrap_or_default();
            Ok(vec![Diff { changed, digests }])
        };
        let done = move |pieces: Result<_, _>| done(pieces.map(Diff::joined));
        self.for_each_piece(source, slot, extents, work, done);
    }
}

/// Returns the blocks that the destination needs: all except those with the same digest in `ours` and `theirs`.
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

/// Returns a block without compression, and without a payload if it is all zeros and `omit_zeros` is set. Testing for zeros is cheaper
/// than a digest: most blocks have a non-zero byte near the beginning.
fn uncompressed(block: &mut Block<'_>, omit_zeros: bool) -> ChangedBlock {
    let (codec, offset) = if omit_zeros && matches!(block.content(), Content::Zeros(_)) {
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

/// Compresses a block in place if that makes it smaller.
fn compressed(block: &mut Block<'_>, options: DiffOptions) -> Result<ChangedBlock, Error> {
    let mut changed = uncompressed(block, options.omit_zeros);
    if changed.codec == Codec::Zeros {
        return Ok(changed);
    }
    let position = block.extent.position;
    let payload = codec::encode(block.data, options.compression)
        .map_err(|reason| Error::Compressor { position, reason })?;
    if let Some(payload) = payload {
        block.data[..payload.len()].copy_from_slice(&payload);
        changed.codec = options.compression.codec();
        changed.length = payload.len();
    }
    Ok(changed)
}
