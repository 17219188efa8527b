//! Blocks as ranges of a source.

/// Limit for one read or write in bytes, unless a single block is larger.
///
/// Large enough for the cost of a call not to matter, small enough to split a batch into several calls that run at the same time.
pub const PIECE_LEN: usize = 1024 * 1024;

/// Range of a source that holds one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Offset of its first byte.
    pub position: u64,
    /// Length in bytes.
    pub length: u32,
}

impl Extent {
    /// Returns the extents of the blocks of `block_len` bytes that cover `length` bytes from `position`; the last may be shorter.
    pub fn blocks(position: u64, length: u64, block_len: u32) -> impl Iterator<Item = Self> {
        let step = u64::from(block_len.max(1));
        (0..length.div_ceil(step)).map(move |index| Self {
            position: position + index * step,
            // At most block_len, so it fits.
            length: u32::try_from(step.min(length - index * step)).unwrap_or(block_len),
        })
    }

    /// Returns the offset of the byte after the block, or `None` beyond 2^64.
    pub(crate) fn end(self) -> Option<u64> {
        self.position.checked_add(u64::from(self.length))
    }
}
