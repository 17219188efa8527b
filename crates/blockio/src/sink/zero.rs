//! Ranges of zeros that nobody sends to the disk.

use std::sync::atomic::Ordering;

use super::staging::STAGING_LEN;
use super::{Sink, whole_units};
use crate::Error;
use crate::medium::Zeroing;
use crate::node::Kind;
use crate::sys::Errno;

/// The ways to zero a range, the best one first: space that is given back, then what at least sends no zeros to the disk.
const WAYS: [Zeroing; 3] = [Zeroing::PunchHole, Zeroing::ZeroRange, Zeroing::ZeroOut];

impl Sink {
    /// Makes `len` bytes from `offset` on read as zeros, by giving their space back where that is possible. A file grows as
    /// needed, when it is [synced](Self::sync).
    ///
    /// Never by a discard, after which a device may return anything. Ranges that are written or zeroed at the same time must
    /// not overlap.
    ///
    /// # Errors
    /// As [`write_run`](Self::write_run).
    pub fn zero(&self, offset: u64, len: u64) -> Result<(), Error> {
        let end = self.check(offset, len)?;
        // As with a write of nothing, a file does not grow.
        if len == 0 {
            return Ok(());
        }
        if self.kind == Kind::File {
            // A file system zeroes any range, and nothing needs to be done behind the end.
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
                    // Relaxed: whoever has not heard of it is refused too.
                    self.zeroing_refused
                        .fetch_max(refused + 1, Ordering::Relaxed);
                }
                Err(errno) => {
                    return Err(Error::io("zero", &self.path, Some(start), errno));
                }
            }
        }
    }

    /// Writes zeros, where there is no other way.
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

    /// Makes a file as long as what was zeroed at its end: only now, when nobody writes to it, because making it
    /// longer and making it shorter are the same operation.
    pub(super) fn stretch(&self) -> Result<(), Error> {
        let reach = self.reach.load(Ordering::Relaxed);
        let stretched = self.medium.size().and_then(|size| {
            if size < reach {
                self.medium.set_len(reach)
            } else {
                Ok(())
            }
        });
        stretched.map_err(|errno| Error::io("lengthen", &self.path, None, errno))
    }
}
