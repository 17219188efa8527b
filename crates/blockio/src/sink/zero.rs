//! Zeroing ranges without sending zeros to the disk.

use std::sync::atomic::Ordering;

use super::staging::STAGING_LEN;
use super::{Sink, whole_units};
use crate::Error;
use crate::medium::{Zeroing, failure};
use crate::node::Kind;
use crate::sys::Errno;

/// Ways to zero a range, the best one first: freeing the space, then those that at least send no zeros to the disk.
const WAYS: [Zeroing; 3] = [Zeroing::PunchHole, Zeroing::ZeroRange, Zeroing::ZeroOut];

impl Sink {
    /// Zeroes `len` bytes from `offset` on, and frees their space if possible. A file grows as needed at the next [`sync`](Self::sync).
    ///
    /// Never discards, because a device may return anything after that. Ranges that are written or zeroed at the same time must not
    /// overlap.
    ///
    /// # Errors
    /// As [`write_run`](Self::write_run).
    pub fn zero(&self, offset: u64, len: u64) -> Result<(), Error> {
        let end = self.check(offset, len)?;
        self.touch(end);
        // Like a write of 0 bytes, this does not extend a file.
        if len == 0 {
            return Ok(());
        }
        // A device zeroes only whole sectors. A file system should zero any range, but fuse2fs 1.47.0 leaves a range that begins at the
        // start of a block and ends within it as it was, and reports success.
        let whole = whole_units(offset, end);
        self.zero_edge(offset, whole.start)?;
        self.zero_aligned(whole.start, whole.end)?;
        self.zero_edge(whole.end, end)?;
        if self.kind == Kind::File {
            self.reach.fetch_max(end, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Zeroes a part of a unit. After the end of a file nothing needs to be zeroed, and a write would extend it before the sync.
    fn zero_edge(&self, start: u64, end: u64) -> Result<(), Error> {
        if start == end || self.kind == Kind::Device {
            return self.write_zeros(start, end);
        }
        let zero = |errno| failure(&*self.medium, "zero", &self.path, start, errno);
        let size = self.medium.size().map_err(zero)?;
        self.write_zeros(start, end.min(size).max(start))
    }

    fn zero_aligned(&self, start: u64, end: u64) -> Result<(), Error> {
        if start == end {
            return Ok(());
        }
        loop {
            let refused = self.zeroing_refused.load(Ordering::Relaxed);
            let Some(&way) = WAYS.get(refused) else {
                return self.write_zeros(start, end);
            };
            match self.medium.zero(way, start, end - start) {
                Ok(()) => return Ok(()),
                Err(
                    Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::NOTTY | Errno::PERM,
                ) => {
                    // Relaxed: a thread that does not see the refusal yet is refused too.
                    self.zeroing_refused
                        .fetch_max(refused + 1, Ordering::Relaxed);
                }
                Err(errno) => {
                    return Err(failure(&*self.medium, "zero", &self.path, start, errno));
                }
            }
        }
    }

    /// Writes zeros, if there is no other way.
    fn write_zeros(&self, start: u64, end: u64) -> Result<(), Error> {
        if start == end {
            return Ok(());
        }
        self.staging.with(|zeros| {
            zeros.fill(0);
            let mut at = start;
            while at < end {
                // At most the length of the buffer, so it fits.
                let len = usize::try_from(end - at).map_or(STAGING_LEN, |len| len.min(STAGING_LEN));
                self.write_run(&[&zeros[..len]], at)?;
                at += len as u64;
            }
            Ok(())
        })
    }

    /// Extends a file over the zeros at its end. Only at the sync, when no thread writes to it, because the same operation could also
    /// truncate it.
    pub(super) fn stretch(&self) -> Result<(), Error> {
        let reach = self.reach.load(Ordering::Relaxed);
        let stretched = self.medium.size().and_then(|size| {
            if size < reach {
                self.medium.set_len(reach)
            } else {
                Ok(())
            }
        });
        stretched.map_err(|errno| Error::io("extend", &self.path, None, errno))
    }
}
