//! Buffered writes at the pace of the disk.

use std::collections::VecDeque;

use crate::medium::Medium;
use crate::sys::Errno;

/// Dirty bytes after which writeback starts.
const WINDOW: u64 = 8 * 1024 * 1024;

/// Windows in writeback before a writer waits.
const WINDOWS: usize = 3;

/// Limit for the ranges in a window, however short they are.
const RANGES: usize = 512;

/// Range that was written.
#[derive(Debug)]
struct Written {
    offset: u64,
    len: u64,
    /// True if it was in the page cache before.
    keep: bool,
}

/// Ranges written through the page cache that are not known to be on the disk.
///
/// By default the kernel lets a large part of the memory become dirty and then blocks all writers, and the sync at the end takes
/// minutes. So writeback of each window starts when it is full and is waited for a few windows later. Then the window is dropped from the
/// page cache, unless it was there before.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Window that is being filled.
    filling: Vec<Written>,
    filled: u64,
    /// Windows in writeback.
    writing: VecDeque<Vec<Written>>,
    /// True if the system does not support this; the sync at the end does it all then.
    refused: bool,
}

impl Pace {
    /// Records that `len` bytes were written at `offset`, and waits for the disk if it lags.
    ///
    /// # Errors
    /// A failure of the disk. The caller must keep it: a later sync does not report it again.
    pub(super) fn written(
        &mut self,
        medium: &dyn Medium,
        offset: u64,
        len: u64,
        keep: bool,
    ) -> Result<(), Errno> {
        if self.refused {
            return Ok(());
        }
        match self.filling.last_mut() {
            Some(last) if last.offset + last.len == offset && last.keep == keep => last.len += len,
            _ => self.filling.push(Written { offset, len, keep }),
        }
        self.filled += len;
        if self.filled < WINDOW && self.filling.len() < RANGES {
            return Ok(());
        }
        self.filled = 0;
        let window = std::mem::take(&mut self.filling);
        for range in &window {
            self.unless_refused(medium.start_writeback(range.offset, range.len))?;
        }
        self.writing.push_back(window);
        if self.writing.len() > WINDOWS {
            for range in self.writing.pop_front().into_iter().flatten() {
                if !self.refused {
                    medium.finish_writeback(range.offset, range.len)?;
                }
                range.drop_from(medium);
            }
        }
        Ok(())
    }

    /// Drops all windows: everything is on the disk.
    pub(super) fn finish(&mut self, medium: &dyn Medium) {
        for range in self
            .writing
            .drain(..)
            .flatten()
            .chain(self.filling.drain(..))
        {
            range.drop_from(medium);
        }
        self.filled = 0;
    }

    /// Turns an error that means "not supported" into success, because the sync works without pacing. Only for starting writeback: errors
    /// while waiting come from the disk and may have the same numbers.
    fn unless_refused(&mut self, result: Result<(), Errno>) -> Result<(), Errno> {
        match result {
            Err(Errno::NOSYS | Errno::INVAL | Errno::SPIPE | Errno::OPNOTSUPP | Errno::PERM) => {
                self.refused = true;
                Ok(())
            }
            other => other,
        }
    }
}

impl Written {
    fn drop_from(&self, medium: &dyn Medium) {
        if !self.keep {
            medium.drop_cached(self.offset, self.len);
        }
    }
}
