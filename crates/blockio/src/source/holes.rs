//! Holes of a source.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::Source;
use crate::medium::Region;
use crate::sys::Errno;

impl Source {
    /// Takes no holes for granted from now on: all of the source counts as data, and is read.
    pub fn read_holes(&self) {
        self.reads_holes.store(true, Ordering::Relaxed);
    }

    /// Returns the first range with data at or after `offset`, in bytes. The bytes before it are a hole: they are zeros and need not be
    /// read. If there is no more data, the range is empty and at the end of the source.
    ///
    /// A device has no holes, nor has a file on a file system that does not report them: the range is everything from `offset` then. See
    /// `SEEK_DATA` in lseek(2).
    #[must_use]
    pub fn data_from(&self, offset: u64) -> Range<u64> {
        let size = self.size;
        if offset >= size {
            return size..size;
        }
        let Some(start) = self.next_data(offset, size) else {
            return offset..size;
        };
        let end = self.medium.next(Region::Hole, start).unwrap_or(size);
        start..end.clamp(start, size)
    }

    /// Returns true if the `len` bytes from `offset`, cut off at the end of the source, are a hole.
    #[must_use]
    pub fn is_hole(&self, offset: u64, len: u64) -> bool {
        let end = offset.saturating_add(len).min(self.size);
        // The end of the data is not needed, and some file systems look at every page to find it.
        offset < end
            && self
                .next_data(offset, end)
                .is_some_and(|start| start >= end)
    }

    /// Returns the first offset with data at or after `offset`, which is within the source; its end if there is no more data. `None` if
    /// that is unknown: everything counts as data then. Only a hole up to `end` is of interest.
    ///
    /// Bytes that were written to a file and are not on its disk yet must count as data. Not every file system reports them so: ext4 without
    /// extents (a file system of ext3, for instance) takes them for a hole until they have a place on the disk (seen on Linux 6.18). So a
    /// hole counts only after all that the page cache has of it has been written back.
    ///
    /// The file is synced before its first hole counts: where one file system lies on another one, as with overlayfs, FUSE and NFS, a call about
    /// a range reaches only the page cache of the upper one, which has nothing (seen with overlayfs on ext4).
    fn next_data(&self, offset: u64, end: u64) -> Option<u64> {
        if self.reads_holes.load(Ordering::Relaxed) {
            return None;
        }
        let start = self.reported_data(offset)?;
        if start == offset {
            return Some(start);
        }
        if !*self
            .written_back
            .get_or_init(|| self.medium.write_back().is_ok())
        {
            return None;
        }
        let hole = start.min(end) - offset;
        match self.medium.finish_writeback(offset, hole) {
            Ok(()) => self.reported_data(offset),
            // An export has no such state, and some containers do not allow the call.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => Some(start),
            Err(_) => None,
        }
    }

    /// Returns the same, but as the medium reports it.
    fn reported_data(&self, offset: u64) -> Option<u64> {
        match self.medium.next(Region::Data, offset) {
            Ok(start) => Some(start.clamp(offset, self.size)),
            Err(Errno::NXIO) if self.is_whole() => Some(self.size),
            Err(_) => None,
        }
    }

    /// Returns true if it is as long as it was when opened. After a truncation the missing part is not a hole: reading it must fail.
    fn is_whole(&self) -> bool {
        self.medium.size().is_ok_and(|size| size >= self.size)
    }
}
