//! Where a file has holes.

use std::ops::Range;

use super::Source;
use crate::medium::Region;
use crate::sys::Errno;

impl Source {
    /// The first range with data at or behind `offset`, in bytes: what lies before it is a hole, reads as zeros, and need not be read. Empty
    /// and at the end of the source if there is no more data.
    ///
    /// A device has no holes, and neither has a file on a file system that does not tell: then it is all from `offset` to the
    /// end. See `SEEK_DATA` in lseek(2).
    #[must_use]
    pub fn data_from(&self, offset: u64) -> Range<u64> {
        let size = self.size;
        if offset >= size {
            return size..size;
        }
        let Some(start) = self.next_data(offset) else {
            return offset..size;
        };
        let end = self.medium.next(Region::Hole, start).unwrap_or(size);
        start..end.clamp(start, size)
    }

    /// Whether all of the `len` bytes from `offset` are a hole, as far as they are within the source.
    #[must_use]
    pub fn is_hole(&self, offset: u64, len: u64) -> bool {
        let end = offset.saturating_add(len).min(self.size);
        // Where the data ends is not asked: some file systems look at every page up to there.
        offset < end && self.next_data(offset).is_some_and(|start| start >= end)
    }

    /// The first offset with data at or behind `offset`, which lies within the source; its end if there is none. `None` where
    /// that cannot be told: all of it is data then, since to read it is always right.
    fn next_data(&self, offset: u64) -> Option<u64> {
        match self.medium.next(Region::Data, offset) {
            Ok(start) => Some(start.clamp(offset, self.size)),
            Err(Errno::NXIO) if self.is_whole() => Some(self.size),
            Err(_) => None,
        }
    }

    /// Whether it is as long as it was. In a file that was cut off, there is no data either, but no hole: reading it must fail.
    fn is_whole(&self) -> bool {
        self.medium.size().is_ok_and(|size| size >= self.size)
    }
}
