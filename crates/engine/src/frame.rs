//! Blocks to write, with their payloads in a slot.

use crate::codec::Codec;

/// A block to write: where it belongs, and where its payload lies in the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Offset in the destination, in bytes.
    pub position: u64,
    /// How the payload is coded.
    pub codec: Codec,
    /// Where the payload lies in the slot, in bytes; anywhere for [`Codec::Zeros`].
    pub offset: usize,
    /// Length of the payload in bytes; for [`Codec::Zeros`], which has none, of the block.
    pub length: usize,
    /// Length of the block in bytes, if it came with the payload. What is [`Codec::Lz4`] needs it.
    pub block: Option<usize>,
    /// Bytes that the block may have at most, where less is wanted of it than any block may have.
    pub most: Option<usize>,
}
