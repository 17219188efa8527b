//! Blocks to write.

use crate::codec::Codec;

/// Block to write, with its payload in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Offset in the destination, in bytes.
    pub position: u64,
    /// Encoding of the payload.
    pub codec: Codec,
    /// Offset of the payload in the slot, in bytes; ignored for [`Codec::Zeros`].
    pub offset: usize,
    /// Length of the payload in bytes; for [`Codec::Zeros`], of the block.
    pub length: usize,
    /// Length of the block in bytes, if it came with the payload. [`Codec::Lz4`] requires it.
    pub block: Option<usize>,
    /// Largest length of the block in bytes, if it is below [`MAX_BLOCK_LEN`](crate::codec::MAX_BLOCK_LEN).
    pub most: Option<usize>,
}
