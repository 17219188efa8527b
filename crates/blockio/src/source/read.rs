//! Reading a source: cached data from the page cache, the rest with direct I/O.

use std::sync::atomic::Ordering;

use blockcopy_nbd::Lent;

use super::Source;
use crate::medium::{Access, failure};
use crate::node::Kind;
use crate::sys::Errno;
use crate::{ALIGNMENT, Error, Slab};

/// Factor by which each query of the page cache is larger than the previous one.
const GROWTH: usize = 16;

/// Read that failed.
struct Failure {
    /// Offset of the first byte not read.
    offset: u64,
    errno: Errno,
}

impl Failure {
    /// Returns true if a direct read failed because it was direct.
    fn refuses_direct(&self) -> bool {
        matches!(self.errno, Errno::INVAL | Errno::OPNOTSUPP)
    }
}

/// Data from the page cache.
#[derive(Clone, Copy)]
struct Cached {
    /// Bytes from the start of the buffer.
    len: usize,
    /// End of the last query, in bytes from the start of the buffer.
    asked: usize,
    /// State of the data after `len`.
    rest: Rest,
}

impl Cached {
    /// Nothing queried yet.
    const NOTHING: Self = Self {
        len: 0,
        asked: 0,
        rest: Rest::Unknown,
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Complete: the buffer is full or the source ends here.
    End,
    /// Data that is not in the page cache.
    Missing,
    /// Unknown.
    Unknown,
}

impl Source {
    /// Reads at `offset` until `buf` is full or the source ends; returns the number of bytes read.
    ///
    /// `buf` is aligned to [`ALIGNMENT`]; `offset` and its length are multiples of
    /// [`granularity`](Self::granularity). Beyond the end, 0 bytes are read. After the bytes read, the content of `buf` is unspecified.
    ///
    /// # Errors
    /// [`Error::Io`] with the offset of the first byte that could not be read.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Error> {
        debug_assert!(
            buf.as_ptr().addr().is_multiple_of(ALIGNMENT),
            "unaligned buffer"
        );
        debug_assert!(
            buf.len().is_multiple_of(self.granularity()),
            "unaligned length"
        );
        debug_assert!(
            offset.is_multiple_of(self.granularity() as u64),
            "unaligned offset"
        );
        let end = offset.checked_add(buf.len() as u64);
        if end.is_none_or(|end| end > i64::MAX.cast_unsigned()) {
            return Err(self.error(offset, Errno::OVERFLOW));
        }
        let (access, cached) = self.choose(buf, offset);
        if cached.rest == Rest::End {
            return Ok(cached.len);
        }
        let start = cached.len - cached.len % self.granularity();
        let (rest, rest_offset) = (&mut buf[start..], offset + start as u64);
        let read = match access {
            Access::Direct => self.read_direct(rest, rest_offset),
            Access::Buffered => self.fill(access, rest, rest_offset),
        };
        if cached.rest == Rest::Missing {
            let to = match access {
                Access::Direct => cached.asked,
                Access::Buffered => buf.len(),
            };
            self.drop_brought_in(offset, cached.len, to);
        }
        match read {
            Ok(len) => Ok(start + len),
            Err(failure) if self.only_direct && failure.refuses_direct() => Err(Error::NotDirect {
                path: self.path.clone(),
            }),
            Err(failure) => Err(self.error(failure.offset, failure.errno)),
        }
    }

    /// Reads exactly this range into memory that need not be allocated or copied to. `None` if the source cannot do that, or if it fails:
    /// then [`read_at`](Self::read_at) is the way.
    #[must_use]
    pub fn lend(&self, offset: u64, len: usize) -> Option<Lent> {
        self.medium.lend(offset, len)
    }

    /// Tries a direct read. Any other failure is left to the read that needs the data.
    ///
    /// # Errors
    /// [`Error::NotDirect`]
    pub(crate) fn refuse_if_not_direct(&self) -> Result<(), Error> {
        let slot = Slab::new(1, ALIGNMENT)?.take(0);
        let tried = slot.map(|mut slot| self.read_at(&mut slot[..self.granularity()], 0));
        match tried {
            Some(Err(refusal @ Error::NotDirect { .. })) => Err(refusal),
            _ => Ok(()),
        }
    }

    /// Chooses the way to read; the page cache may have provided some of the data already.
    fn choose(&self, buf: &mut [u8], offset: u64) -> (Access, Cached) {
        if !self.is_direct() {
            return (Access::Buffered, self.read_cached(buf, offset));
        }
        // A device is rarely cached.
        if self.kind == Kind::Device || self.only_direct {
            return (Access::Direct, Cached::NOTHING);
        }
        match self.is_cached(buf.len(), offset) {
            Some(true) => (Access::Buffered, Cached::NOTHING),
            Some(false) => (Access::Direct, Cached::NOTHING),
            None => (Access::Direct, self.read_cached(buf, offset)),
        }
    }

    /// Returns true if the page cache holds all data of the `len` bytes from `offset`, or `None` if that cannot be found out. Does not
    /// change the page cache.
    fn is_cached(&self, len: usize, offset: u64) -> Option<bool> {
        let len = self.size.saturating_sub(offset).min(len as u64);
        if len == 0 || self.cache_uncounted.load(Ordering::Relaxed) {
            return None;
        }
        let all = self.medium.is_cached(offset, len).ok();
        // ENOSYS before Linux 6.5, EPERM for a file of another user, EOPNOTSUPP on hugetlbfs.
        if all.is_none() {
            self.cache_uncounted.store(true, Ordering::Relaxed);
        }
        all
    }

    /// Reads cached data from `offset` on, if the page cache cannot be queried.
    ///
    /// The kernel starts to read any requested page that is not cached, although it is then read directly as well. So the first request
    /// is for a single page, and the following ones grow.
    fn read_cached(&self, buf: &mut [u8], offset: u64) -> Cached {
        let (mut len, mut asked) = (0, 0);
        while len < buf.len() && !self.cache_opaque.load(Ordering::Relaxed) {
            if len == asked {
                asked = (len * GROWTH).max(ALIGNMENT).min(buf.len());
            }
            let at = offset + len as u64;
            let rest = match self.medium.read_cached(&mut buf[len..asked], at) {
                // Linux 5.9 and 5.10 also return 0 before the end; see BUGS in preadv2(2).
                Ok(0) if at >= self.size => Rest::End,
                Ok(read @ 1..) => {
                    len += read;
                    continue;
                }
                // Some containers answer EPERM for calls that they do not know.
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                    self.cache_opaque.store(true, Ordering::Relaxed);
                    // From now on readahead cannot be mistaken for data that other processes use.
                    self.medium.read_ahead(true);
                    Rest::Unknown
                }
                // EAGAIN; any other error also occurs in the read that follows.
                Ok(0) | Err(_) => Rest::Missing,
            };
            return Cached { len, asked, rest };
        }
        let rest = if len == buf.len() {
            Rest::End
        } else {
            Rest::Unknown
        };
        Cached { len, asked, rest }
    }

    /// Drops from the page cache what reading brought in: `len` bytes were cached, and everything up to `to` was requested.
    fn drop_brought_in(&self, offset: u64, len: usize, to: usize) {
        // A fast disk may read the first page so quickly that it seems cached.
        let from = if len <= ALIGNMENT { 0 } else { len };
        self.medium
            .drop_cached(offset + from as u64, (to - from) as u64);
    }

    fn read_direct(&self, buf: &mut [u8], offset: u64) -> Result<usize, Failure> {
        match self.fill(Access::Direct, buf, offset) {
            // Some file systems accept O_DIRECT and then refuse to read.
            Err(failure) if failure.refuses_direct() && !self.only_direct => {
                self.direct_refused.store(true, Ordering::Relaxed);
                self.fill(Access::Buffered, buf, offset)
            }
            Err(_) => self.read_in_steps(buf, offset),
            read => read,
        }
    }

    /// Repeats a failed direct read in steps of the granularity, because a direct read fails as a whole wherever the fault is.
    fn read_in_steps(&self, buf: &mut [u8], offset: u64) -> Result<usize, Failure> {
        let mut done = 0;
        for granule in buf.chunks_mut(self.granularity()) {
            let len = self.fill(Access::Direct, granule, offset + done as u64)?;
            done += len;
            if len < granule.len() {
                break;
            }
        }
        Ok(done)
    }

    /// Reads until `buf` is full or the source ends. A direct read that returns an unaligned count has reached the end; the kernel would
    /// refuse to continue from there.
    fn fill(&self, access: Access, buf: &mut [u8], offset: u64) -> Result<usize, Failure> {
        let granularity = match access {
            Access::Direct => self.granularity(),
            Access::Buffered => 1,
        };
        let mut done = 0;
        while done < buf.len() && done.is_multiple_of(granularity) {
            let at = offset + done as u64;
            match self.medium.read(access, &mut buf[done..], at) {
                Ok(0) => break,
                Ok(len) => done += len,
                Err(errno) => return Err(Failure { offset: at, errno }),
            }
        }
        Ok(done)
    }

    fn error(&self, offset: u64, errno: Errno) -> Error {
        failure(&*self.medium, "read", &self.path, offset, errno)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::Direct;
    use crate::sys;

    const MIB: usize = 1 << 20;

    /// Simulates a kernel before 6.5, without cachestat(2).
    #[test]
    fn without_cachestat_files_read_as_written_and_are_not_cached() {
        let content: Vec<u8> = (0..=250).cycle().take(2 * MIB).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&content).unwrap();
        file.as_file().sync_all().unwrap();
        for cached in [0, 1, ALIGNMENT, 130_000, 2 * MIB] {
            sys::advise_dont_need(file.as_file(), 0, 2 * MIB as u64);
            let reader = File::open(file.path()).unwrap();
            sys::advise_random(&reader);
            reader.read_exact_at(&mut vec![0; cached], 0).unwrap();

            let source = Source::open(file.path(), Direct::Auto).unwrap();
            if !source.is_direct() || sys::is_cached(&reader, 0, 1).is_err() {
                println!("SKIPPED: no direct reads or no cachestat(2) here");
                return;
            }
            source.cache_uncounted.store(true, Ordering::Relaxed);
            let mut slot = Slab::new(1, 2 * MIB).unwrap().take(0).unwrap();
            for offset in [0, MIB] {
                let read = source.read_at(&mut slot[offset..][..MIB], offset as u64);
                assert_eq!(read.unwrap(), MIB);
            }
            assert!(slot[..] == content[..], "{cached} bytes were cached");
            let last_page = (2 * MIB - ALIGNMENT) as u64;
            let stays = sys::is_cached(&reader, last_page, ALIGNMENT as u64);
            assert_eq!(stays, Ok(cached == 2 * MIB), "{cached} bytes were cached");
        }
    }
}
