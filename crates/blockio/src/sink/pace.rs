//! Buffered writes at the pace of the disk.

use std::collections::VecDeque;

use crate::medium::Medium;
use crate::sys::Errno;

/// How much is dirty before the disk is told to begin, in bytes.
const WINDOW: u64 = 8 * 1024 * 1024;

/// How many windows the disk may have before it is waited for.
const WINDOWS: usize = 3;

/// No more ranges than this are in a window, however short they are.
const RANGES: usize = 512;

/// A range that was written.
#[derive(Debug)]
struct Written {
    offset: u64,
    len: u64,
    /// Whether it was in the page cache before.
    keep: bool,
}

/// What has been written through the page cache and is not known to be on the disk.
///
/// Left alone, the kernel lets a good part of all memory become dirty and then makes everybody wait, and the sync at the end takes
/// minutes. So each window is handed to the disk when it is full, waited for a few windows later, and then dropped from the page
/// cache, unless it was there before.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The window that is being filled.
    filling: Vec<Written>,
    filled: u64,
    /// Windows that the disk has been told to write.
    writing: VecDeque<Vec<Written>>,
    /// The system does not know how to do this; the sync at the end does it all.
    refused: bool,
}

impl Pace {
    /// Notes that `len` bytes were written at `offset`, and lets the disk keep up.
    ///
    /// # Errors
    /// A failure of the disk. It must not be forgotten: a later sync does not report it again.
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

    /// All is on the disk.
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

    /// Pacing is not everywhere to be had, and the sync does without it. Only to start says so: what waiting says comes from the
    /// disk, whose failures may have the same numbers.
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
