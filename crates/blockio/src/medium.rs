//! The one interface between blocks and what holds them.

use std::fmt::Debug;
use std::path::Path;

use rustix::fd::BorrowedFd;

use crate::sys::{Errno, Stat};
use crate::{Direct, Error, Time};

mod disk;
#[cfg(any(test, feature = "memory"))]
mod memory;

pub(crate) use disk::Disk;
#[cfg(any(test, feature = "memory"))]
pub use memory::{Fault, Memory, Operation};

type Result<T> = std::result::Result<T, Errno>;

/// Which way bytes take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Past the page cache (`O_DIRECT`): memory, offset and length are multiples of the granularity.
    Direct,
    /// Through the page cache.
    Buffered,
}

/// A way to make a range read as zeros without sending the zeros; see fallocate(2) and `BLKZEROOUT` in the kernel's
/// `include/uapi/linux/fs.h`.
///
/// All of them promise zeros. A discard does not, so it is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zeroing {
    /// `FALLOC_FL_PUNCH_HOLE`: the space is given back. A block device does it only where it can promise zeros.
    PunchHole,
    /// `FALLOC_FL_ZERO_RANGE`: the space stays allocated.
    ZeroRange,
    /// `BLKZEROOUT`, for devices: the kernel writes zeros itself where the device has no better way.
    ZeroOut,
}

/// What a range of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Region {
    /// Bytes.
    Data,
    /// Zeros that nothing is stored for. The end of a file counts as one.
    Hole,
}

/// The size of `medium`, unless only direct access would do and there is none.
///
/// # Errors
/// [`Error::NotDirect`]; [`Error::Io`] when the size cannot be found.
pub(crate) fn usable_size(
    medium: &dyn Medium,
    path: &Path,
    direct: Direct,
) -> std::result::Result<u64, Error> {
    if direct == Direct::On && medium.granularity().is_none() {
        return Err(Error::NotDirect {
            path: path.to_owned(),
        });
    }
    let size = medium.size();
    size.map_err(|errno| Error::io("find the size of", path, None, errno))
}

/// A file or device, as the kernel offers it: single operations that may do less than they were asked for, fail, or not be
/// there. [`Source`](crate::Source) and [`Sink`](crate::Sink) make something reliable of it.
///
/// Offsets and lengths are in bytes. Any number of threads may call at once.
pub(crate) trait Medium: Debug + Send + Sync {
    /// What offsets and lengths of direct reads and writes must be multiples of: a power of two, [`ALIGNMENT`](crate::ALIGNMENT)
    /// at most. `None` where there is no direct access.
    fn granularity(&self) -> Option<usize>;

    /// The same once more, to read.
    fn reader(&self, direct: bool) -> Result<Box<dyn Medium>>;

    /// By what the kernel knows it; `EOPNOTSUPP` where it is none of the kernel's.
    fn descriptor(&self) -> Result<BorrowedFd<'_>> {
        Err(Errno::OPNOTSUPP)
    }

    /// Which file or device of the system it is, and what that has beside its content; `EOPNOTSUPP` where it is none.
    fn stat(&self) -> Result<Stat> {
        Err(Errno::OPNOTSUPP)
    }

    /// Sets who owns a file, and its group; see fchown(2).
    fn set_owner(&self, _user: Option<u32>, _group: Option<u32>) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    /// Sets the permission bits of a file; see fchmod(2).
    fn set_mode(&self, _mode: u32) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    /// Sets the times of a file; see utimensat(2).
    fn set_times(&self, _accessed: Time, _modified: Time) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    /// How long it is now.
    fn size(&self) -> Result<u64>;

    /// Reads into `buf` from `offset`; returns how much, 0 at the end.
    fn read(&self, access: Access, buf: &mut [u8], offset: u64) -> Result<usize>;

    /// Writes some of `data` at `offset`; returns how much.
    fn write(&self, access: Access, data: &[u8], offset: u64) -> Result<usize>;

    /// Makes a range read as zeros; a file does not grow by it.
    fn zero(&self, how: Zeroing, offset: u64, len: u64) -> Result<()>;

    /// Makes a file that long.
    fn set_len(&self, len: u64) -> Result<()>;

    /// Waits until everything written is on the disk; see fdatasync(2).
    fn sync(&self) -> Result<()>;

    /// As [`sync`](Self::sync), with the owner, the mode and the times, where it has them; see fsync(2).
    fn sync_all(&self) -> Result<()> {
        self.sync()
    }

    /// The first offset from `offset` on where such a region is; `ENXIO` if there is none. See `SEEK_DATA` in lseek(2).
    fn next(&self, region: Region, offset: u64) -> Result<u64>;

    /// Whether the page cache holds all of `len` bytes, at least one, from `offset`; see cachestat(2).
    fn is_cached(&self, offset: u64, len: u64) -> Result<bool>;

    /// Reads what the page cache holds; `EAGAIN` if that is nothing, other errors where it cannot be asked.
    fn read_cached(&self, buf: &mut [u8], offset: u64) -> Result<usize>;

    /// Advice to read ahead or not, as far as anybody listens.
    fn read_ahead(&self, wanted: bool);

    /// Drops `len` bytes from the page cache, except what is dirty or in use, as far as anybody listens.
    fn drop_cached(&self, offset: u64, len: u64);

    /// Starts to write dirty pages of the range to the disk; see `sync_file_range(2)`.
    fn start_writeback(&self, offset: u64, len: u64) -> Result<()>;

    /// Writes the dirty pages of the range to the disk and waits for that; see `sync_file_range(2)`, which is no
    /// [`sync`](Self::sync).
    ///
    /// A failure of the disk that it reports is reported only once, so `sync` does not report it again.
    fn finish_writeback(&self, offset: u64, len: u64) -> Result<()>;
}
