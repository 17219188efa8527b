//! Writing: aligned parts with direct I/O, unaligned ends through the page cache.

use std::ops::Range;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::staging::STAGING_LEN;
use super::{Sink, lock, whole_units};
use crate::medium::Access;
use crate::node::Kind;
use crate::sys::Errno;
use crate::{ALIGNMENT, Error};

/// Write that failed.
enum Failure {
    /// The kernel reported an error.
    Kernel {
        /// Offset of the first byte not written.
        offset: u64,
        errno: Errno,
    },
    /// The kernel wrote 0 bytes without an error.
    NothingWritten { offset: u64 },
}

impl Sink {
    /// Writes `parts` one after the other from `offset` on. A file grows as needed.
    ///
    /// Ranges that are written at the same time must not overlap.
    ///
    /// # Errors
    /// [`Error::BeyondEnd`] if they do not fit on the device, before anything is written; [`Error::NotDirect`] if direct writes are
    /// required and refused; otherwise [`Error::Io`] with the offset of the first byte not written.
    pub fn write_run(&self, parts: &[&[u8]], offset: u64) -> Result<(), Error> {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        let end = self.check(offset, len)?;
        self.touch(end);
        if !self.is_direct() {
            return self.write_buffered(parts, 0..len, offset);
        }
        // Whole pages are written directly and all others through the page cache, so no page is written both ways: one write could
        // undo the other.
        let whole = whole_units(offset, end);
        let (first, last) = (whole.start - offset, whole.end - offset);
        self.write_end(parts, 0..first, offset)?;
        self.write_direct(parts, first..last, offset)?;
        self.write_end(parts, last..len, offset)
    }

    /// Checks that a range fits into the sink and returns its end. Every write does so before it writes anything.
    ///
    /// # Errors
    /// [`Error::BeyondEnd`] if it reaches beyond the end of a device, [`Error::Io`] if it reaches beyond the largest offset of a file.
    pub fn check(&self, offset: u64, len: u64) -> Result<u64, Error> {
        let end = offset.checked_add(len);
        match end {
            Some(end) if self.kind == Kind::Device && end <= self.size => Ok(end),
            _ if self.kind == Kind::Device => Err(Error::BeyondEnd {
                path: self.path.clone(),
                offset,
                len,
                size: self.size,
            }),
            Some(end) if end <= i64::MAX.cast_unsigned() => Ok(end),
            _ => Err(self.error(offset, Errno::FBIG)),
        }
    }

    /// Records that something is written up to `end`. It may be even if the write fails.
    pub(super) fn touch(&self, end: u64) {
        self.untouched.fetch_max(end, Ordering::Relaxed);
    }

    /// Writes an unaligned end next to direct writes, through the page cache.
    ///
    /// No direct write may run meanwhile: it drops cached data of its range, in units that may be larger than a page, and the kernel
    /// reports a failure (`EIO` at the sync) if one of them has become dirty.
    fn write_end(&self, parts: &[&[u8]], range: Range<u64>, offset: u64) -> Result<(), Error> {
        if range.is_empty() {
            return Ok(());
        }
        let _alone = self
            .both_ways
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        self.write_buffered(parts, range, offset)
    }

    /// Writes the `range` of `parts`, which begin at `offset`, through the page cache, in steps that let the disk keep up.
    fn write_buffered(&self, parts: &[&[u8]], range: Range<u64>, offset: u64) -> Result<(), Error> {
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + STAGING_LEN as u64);
            self.write_paced(parts, start..end, offset)?;
            start = end;
        }
        Ok(())
    }

    /// Writes the `range` of `parts`, which begin at `offset`, through the page cache, and waits for the disk if it lags.
    fn write_paced(&self, parts: &[&[u8]], range: Range<u64>, offset: u64) -> Result<(), Error> {
        let (start, len) = (offset + range.start, range.end - range.start);
        // Data that was cached before must stay cached.
        let keep = self.medium.is_cached(start, len).unwrap_or(false);
        for (data, at) in within(parts, range) {
            self.write_fully(Access::Buffered, data, offset + at)
                .map_err(|failure| self.failure(&failure))?;
        }
        let paced = lock(&self.pace).written(&*self.medium, start, len, keep);
        paced.map_err(|errno| self.sync_failed(errno))
    }

    /// Writes the `range` of `parts`, which begin at `offset`, with direct I/O. The range consists of whole units.
    fn write_direct(&self, parts: &[&[u8]], range: Range<u64>, offset: u64) -> Result<(), Error> {
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + STAGING_LEN as u64);
            let mut pieces = within(parts, start..end);
            match (pieces.next(), pieces.next()) {
                (Some((only, _)), None) if only.as_ptr().addr().is_multiple_of(ALIGNMENT) => {
                    self.write_aligned(only, offset + start)?;
                }
                _ => self.staging.with(|buffer| {
                    let mut filled = 0;
                    for (piece, _) in within(parts, start..end) {
                        buffer[filled..][..piece.len()].copy_from_slice(piece);
                        filled += piece.len();
                    }
                    self.write_aligned(&buffer[..filled], offset + start)
                })?,
            }
            start = end;
        }
        Ok(())
    }

    /// Writes aligned memory at an aligned offset.
    fn write_aligned(&self, data: &[u8], offset: u64) -> Result<(), Error> {
        let refused = |errno| matches!(errno, Errno::INVAL | Errno::OPNOTSUPP);
        let shared = self
            .both_ways
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let result = match self.write_fully(Access::Direct, data, offset) {
            Err(Failure::Kernel { errno, .. }) if refused(errno) && self.only_direct => {
                return Err(Error::NotDirect {
                    path: self.path.clone(),
                });
            }
            // Some file systems accept O_DIRECT and then refuse to write.
            Err(Failure::Kernel { errno, .. }) if refused(errno) => {
                self.direct_refused.store(true, Ordering::Relaxed);
                // Other threads may not see the refusal yet.
                drop(shared);
                return self.write_end(&[data], 0..data.len() as u64, offset);
            }
            Err(_) => self.write_in_steps(data, offset),
            written => written,
        };
        result.map_err(|failure| self.failure(&failure))
    }

    /// Repeats a failed direct write in steps of the granularity, because a direct write fails as a whole wherever the fault is.
    fn write_in_steps(&self, data: &[u8], offset: u64) -> Result<(), Failure> {
        let step = self.medium.granularity().unwrap_or(ALIGNMENT);
        data.chunks(step)
            .zip((offset..).step_by(step))
            .try_for_each(|(granule, at)| self.write_fully(Access::Direct, granule, at))
    }

    /// Writes all of `data`.
    fn write_fully(&self, access: Access, data: &[u8], offset: u64) -> Result<(), Failure> {
        let granularity = match access {
            Access::Direct => self.medium.granularity().unwrap_or(ALIGNMENT),
            Access::Buffered => 1,
        };
        let mut done = 0;
        while done < data.len() {
            let at = offset + done as u64;
            match self.medium.write(access, &data[done..], at) {
                // The kernel would refuse to continue at an unaligned offset.
                Ok(len) if len >= granularity => done += len - len % granularity,
                Ok(_) => return Err(Failure::NothingWritten { offset: at }),
                Err(errno) => return Err(Failure::Kernel { offset: at, errno }),
            }
        }
        Ok(())
    }

    fn failure(&self, failure: &Failure) -> Error {
        match *failure {
            Failure::Kernel { offset, errno } => self.error(offset, errno),
            Failure::NothingWritten { offset } => Error::NothingWritten {
                path: self.path.clone(),
                offset,
            },
        }
    }
}

/// Returns the pieces of `parts` within `range`, each with its offset. The parts follow each other.
fn within<'a>(parts: &'a [&'a [u8]], range: Range<u64>) -> impl Iterator<Item = (&'a [u8], u64)> {
    let mut end = 0;
    parts.iter().filter_map(move |part| {
        let start = end;
        end += part.len() as u64;
        let (from, to) = (start.max(range.start), end.min(range.end));
        // Both are within the part, so they fit.
        let index = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX);
        (from < to).then(|| (&part[index(from)..index(to)], from))
    })
}
