//! Blocks as ranges of a source.

/// The most that one read asks for, in bytes, unless a single block is larger.
///
/// Large enough that the cost of a read does not count, small enough that a batch is several reads,
/// which run at the same time.
pub const PIECE_LEN: usize = 1024 * 1024;

/// A block of a source: where it begins and how long it is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Offset of its first byte.
    pub position: u64,
    /// Length in bytes.
    pub length: u32,
}

impl Extent {
    /// The extents of the consecutive blocks that cover `length` bytes from `position`; the last may be short.
    pub fn blocks(position: u64, length: u64, block_len: u32) -> impl Iterator<Item = Self> {
        let step = u64::from(block_len.max(1));
        (0..length.div_ceil(step)).map(move |index| Self {
            position: position + index * step,
            // At most block_len, so it fits.
            length: u32::try_from(step.min(length - index * step)).unwrap_or(block_len),
        })
    }

    /// Offset of the byte after the block, or `None` beyond 2^64.
    pub(crate) fn end(self) -> Option<u64> {
        self.position.checked_add(u64::from(self.length))
    }
}
