//! Digesting consecutive blocks.

use std::sync::Arc;

use blockcopy_blockio::{Slot, Source};

use crate::content::Content;
use crate::digest::{Algorithm, Digests};
use crate::extent::{Extent, PIECE_LEN};
use crate::gather::{Gather, refuse};
use crate::read::{Block, check_range};
use crate::{Done, Engine, Error};

/// Consecutive blocks to digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Length of all blocks in bytes.
    pub length: u64,
    /// Bytes per block; the last block may be shorter.
    pub block_len: u32,
    /// Digest algorithm.
    pub algorithm: Algorithm,
}

impl Blocks {
    /// Refuses blocks that do not fit into the slot.
    fn check(self, slot: &Slot) -> Result<Self, Error> {
        if self.block_len == 0 || self.length > slot.len() as u64 {
            return Err(Error::Request("a range does not fit into its slot"));
        }
        Ok(self)
    }
}

impl Engine {
    /// Reads the `blocks` that begin at `position` of `source` and passes their digests to `done`, one after the other.
    ///
    /// # Errors
    /// Passed to `done`: a failed read, a source that became shorter, a range that reaches beyond the end of the source or does not fit
    /// into the slot.
    pub fn scan(
        self: &Arc<Self>,
        source: &Arc<Source>,
        slot: Slot,
        position: u64,
        blocks: Blocks,
        done: impl Done<Vec<u8>>,
    ) {
        let (length, block_len, algorithm) = match blocks.check(&slot) {
            Ok(blocks) => (blocks.length, blocks.block_len, blocks.algorithm),
            Err(error) => return refuse(slot, error, done),
        };
        if let Err(error) = check_range(source, position, length) {
            return refuse(slot, error, done);
        }
        let extents: Vec<_> = Extent::blocks(position, length, block_len).collect();
        let work = move |engine: &Engine, blocks: &mut [Block<'_>]| {
            Ok(engine.digests(algorithm, blocks).bytes)
        };
        self.for_each_piece(source, slot, &extents, work, done);
    }

    /// Passes the digests of the `blocks` at the beginning of `slot` to `done`, one after the other. For data that does not come from a
    /// [`Source`].
    ///
    /// # Errors
    /// Passed to `done`: more blocks than the slot holds.
    pub fn digest(self: &Arc<Self>, slot: Slot, blocks: Blocks, done: impl Done<Vec<u8>>) {
        let (length, block_len, algorithm) = match blocks.check(&slot) {
            Ok(blocks) => (blocks.length, blocks.block_len, blocks.algorithm),
            Err(error) => return refuse(slot, error, done),
        };
        let block_len = block_len as usize;
        // At most the length of the slot, so it fits.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let step = (PIECE_LEN / block_len).max(1) * block_len;
        let pieces = cut(slot, length, step);
        let gather = Gather::new(pieces.len(), done);
        for (number, piece) in pieces.into_iter().enumerate() {
            let engine = Arc::clone(self);
            let gather = Arc::clone(&gather);
            self.workers.spawn_fifo(move || {
                gather.finish(number, move || {
                    let contents: Vec<_> = piece.chunks(block_len).map(Content::of).collect();
                    Ok(engine.hasher.digest_many(algorithm, &contents).bytes)
                });
            });
        }
    }

    /// Returns the digests of blocks that have been read, in order.
    pub(crate) fn digests(&self, algorithm: Algorithm, blocks: &[Block<'_>]) -> Digests {
        let contents: Vec<_> = blocks.iter().map(Block::content).collect();
        self.hasher.digest_many(algorithm, &contents)
    }
}

/// Cuts the first `length` bytes of a slot into pieces of `step` bytes; the last may be shorter. The rest of the slot is dropped, so
/// the slot is free when the last piece is dropped.
fn cut(slot: Slot, length: usize, step: usize) -> Vec<Slot> {
    let (mut rest, _) = slot.split_at(length);
    let mut pieces = Vec::with_capacity(length.div_ceil(step));
    while !rest.is_empty() {
        let next = step.min(rest.len());
        let (piece, remainder) = rest.split_at(next);
        pieces.push(piece);
        rest = remainder;
    }
    pieces
}
