//! Scanning: the digests of consecutive blocks.

use std::sync::Arc;

use blockcopy_blockio::{Slot, Source};
use blockcopy_keccak::{DIGEST_LEN, Digest};

use crate::extent::{Extent, PIECE_LEN};
use crate::gather::Gather;
use crate::read::Block;
use crate::{Done, Engine, Error};

impl Engine {
    /// Reads `length` bytes of `source` from `position` and gives `done` the digests of the blocks of `block_len` bytes
    /// that they consist of, in order; the last block may be short.
    ///
    /// # Errors
    /// To `done`: a failed read, a source that became shorter, a range that reaches beyond the source or
    /// does not fit into the slot.
    pub fn scan(
        self: &Arc<Self>,
        source: &Arc<Source>,
        slot: Slot,
        position: u64,
        length: u64,
        block_len: u32,
        done: impl Done<Vec<Digest>>,
    ) {
        if block_len == 0 || length > slot.len() as u64 {
            return done(Err(Error::Request("a range does not fit into its slot")));
        }
        if position
            .checked_add(length)
            .is_none_or(|end| end > source.size())
        {
            return done(Err(Error::Request(
                "a range reaches beyond the end of the source",
            )));
        }
        let extents: Vec<_> = Extent::blocks(position, length, block_len).collect();
        self.for_each_piece(
            source,
            slot,
            &extents,
            |engine, blocks| Ok(engine.digests(blocks)),
            done,
        );
    }

    /// Gives `done` the digests of the blocks of `block_len` bytes that the first `length` bytes of `slot` consist of, in
    /// order; the last block may be short. For data that did not come from a [`Source`].
    ///
    /// # Errors
    /// To `done`: a length that is larger than the slot.
    pub fn digest(
        self: &Arc<Self>,
        slot: Slot,
        length: usize,
        block_len: usize,
        done: impl Done<Vec<Digest>>,
    ) {
        if block_len == 0 || length > slot.len() {
            return done(Err(Error::Request("a range does not fit into its slot")));
        }
        let step = (PIECE_LEN / block_len).max(1) * block_len;
        let pieces = cut(slot, length, step);
        let gather = Gather::new(pieces.len(), done);
        for (number, piece) in pieces.into_iter().enumerate() {
            let engine = Arc::clone(self);
            let gather = Arc::clone(&gather);
            self.workers.spawn_fifo(move || {
                gather.finish(number, move || {
                    let messages: Vec<&[u8]> = piece.chunks(block_len).collect();
                    Ok(engine.digest_all(&messages))
                });
            });
        }
    }

    /// The digests of blocks, in order.
    pub(crate) fn digests(&self, blocks: &[Block<'_>]) -> Vec<Digest> {
        let messages: Vec<&[u8]> = blocks.iter().map(|block| &*block.data).collect();
        self.digest_all(&messages)
    }

    fn digest_all(&self, messages: &[&[u8]]) -> Vec<Digest> {
        let mut digests = vec![[0; DIGEST_LEN]; messages.len()];
        self.hash.digest_many(messages, &mut digests);
        digests
    }
}

/// The first `length` bytes of a slot in pieces of `step` bytes, the last one short. Nothing else of the slot is kept, so
/// that it is free when the last piece has been dropped.
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
