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
        if self.kind == Kind::File {
            // A file system zeroes any range, and nothing after the end needs to be zeroed.
            self.zero_aligned(offset, end)?;
            self.reach.fetch_max(end, Ordering::Relaxed);
            return Ok(());
        }
        let whole = whole_units(offset, end);
        self.write_zeros(offset, whole.start)?;
        self.zero_aligned(whole.start, whole.end)?;
        self.write_zeros(whole.end, end)
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
