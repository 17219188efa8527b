//! Interface between sources and sinks, and files and devices.

use std::fmt::Debug;
use std::path::Path;

use blockcopy_nbd::Lent;
use rustix::fd::BorrowedFd;

use crate::sys::{Errno, Stat};
use crate::{Direct, Error, Time};

mod disk;
mod export;
#[cfg(any(test, feature = "memory"))]
mod memory;
mod pending;
pub(crate) mod served;
mod watched;
mod zeros;

pub(crate) use disk::Disk;
pub use export::export_ranges;
pub(crate) use export::{Export, is_export};
#[cfg(any(test, feature = "memory"))]
pub use memory::{Fault, Memory, Operation, Trouble};
pub(crate) use pending::Target;
pub use pending::{Wait, longest_wait};
pub(crate) use watched::Watched;

type Result<T> = std::result::Result<T, Errno>;

/// Way of access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Direct I/O (`O_DIRECT`): memory, offset and length are multiples of the granularity.
    Direct,
    /// Through the page cache.
    Buffered,
}

/// Way to zero a range without sending zeros; see fallocate(2) and `BLKZEROOUT` in `include/uapi/linux/fs.h` of the kernel.
///
/// All of them guarantee zeros. A discard does not, so it is not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zeroing {
    /// `FALLOC_FL_PUNCH_HOLE`: frees the space. A block device supports it only if it can guarantee zeros.
    PunchHole,
    /// `FALLOC_FL_ZERO_RANGE`: keeps the space allocated.
    ZeroRange,
    /// `BLKZEROOUT`, for devices: the kernel writes zeros if the device has no better way.
    ZeroOut,
}

/// Kind of a range of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Region {
    /// Bytes.
    Data,
    /// Zeros without allocated space. The end of a file counts as a hole.
    Hole,
}

/// Returns the size of `medium`.
///
/// # Errors
/// [`Error::NotDirect`] if direct access is required and not possible; [`Error::Io`] if the size cannot be found.
pub(crate) fn usable_size(
    medium: &dyn Medium,
    path: &Path,
    direct: Direct,
) -> std::result::Result<u64, Error> {
    // Past the caches of this host is not yet past those of a server.
    let is_direct = medium.granularity().is_some() && medium.export().is_none();
    if direct == Direct::On && !is_direct {
        return Err(Error::NotDirect {
            path: path.to_owned(),
        });
    }
    let size = medium.size();
    size.map_err(|errno| Error::io("find the size of", path, None, errno))
}

/// Describes a failure of `action` on `medium`, which was opened by `path`.
pub(crate) fn failure(
    medium: &dyn Medium,
    action: &'static str,
    path: &Path,
    offset: u64,
    errno: Errno,
) -> Error {
    // The error number of a connection says little.
    match medium.export().and_then(Export::trouble) {
        Some(reason) => Error::Server {
            action,
            path: path.to_owned(),
            offset: Some(offset),
            reason,
        },
        None => Error::io(action, path, Some(offset), errno),
    }
}

/// File or device with the operations of the kernel, which may do less than requested, fail, or be unsupported.
/// [`Source`](crate::Source) and [`Sink`](crate::Sink) are the reliable layer on top.
///
/// Offsets and lengths are in bytes. Any number of threads may call it at the same time.
pub(crate) trait Medium: Debug + Send + Sync {
    /// Returns the granularity of direct I/O: offsets and lengths must be multiples of this many bytes. A power of two, at most
    /// [`ALIGNMENT`](crate::ALIGNMENT). `None` if there is no direct access.
    fn granularity(&self) -> Option<usize>;

    /// Opens the same file or device again, for reading.
    fn reader(&self, direct: bool) -> Result<Box<dyn Medium>>;

    /// Returns the export that it is; `None` for content of this host.
    fn export(&self) -> Option<&Export> {
        None
    }

    /// Returns its descriptor; `EOPNOTSUPP` if it is not a file or device of the kernel.
    fn descriptor(&self) -> Result<BorrowedFd<'_>> {
        Err(Errno::OPNOTSUPP)
    }

    /// Returns its status; see fstat(2). `EOPNOTSUPP` if it is not a file or device of the kernel.
    fn stat(&self) -> Result<Stat> {
        Err(Errno::OPNOTSUPP)
    }

    /// Sets the owner and the group of a file; see fchown(2).
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

    /// Returns its current size.
    fn size(&self) -> Result<u64>;

    /// Reads into `buf` from `offset`; returns the number of bytes, 0 at the end.
    fn read(&self, access: Access, buf: &mut [u8], offset: u64) -> Result<usize>;

    /// Reads exactly this range into memory of the medium. `None` if that is not possible, or fails: then [`read`](Self::read) it.
    fn lend(&self, _offset: u64, _len: usize) -> Option<Lent> {
        None
    }

    /// Writes some of `data` at `offset`; returns the number of bytes.
    fn write(&self, access: Access, data: &[u8], offset: u64) -> Result<usize>;

    /// Zeroes a range; never extends a file.
    fn zero(&self, how: Zeroing, offset: u64, len: u64) -> Result<()>;

    /// Sets the length of a file.
    fn set_len(&self, len: u64) -> Result<()>;

    /// Waits until everything written is on the disk; see fdatasync(2).
    fn sync(&self) -> Result<()>;

    /// As [`sync`](Self::sync), including owner, mode and times; see fsync(2).
    fn sync_all(&self) -> Result<()> {
        self.sync()
    }

    /// Writes back what this host has not yet written to the disk of a file that is only read, so that [`next`](Self::next) knows of it.
    fn write_back(&self) -> Result<()>;

    /// Returns the first offset at or after `offset` in such a region; `ENXIO` if there is none. See `SEEK_DATA` in lseek(2).
    fn next(&self, region: Region, offset: u64) -> Result<u64>;

    /// Returns true if all of the `len` bytes (at least one) from `offset` are cached; see cachestat(2).
    fn is_cached(&self, offset: u64, len: u64) -> Result<bool>;

    /// Reads only cached data; `EAGAIN` if there is none, other errors if that is not supported.
    fn read_cached(&self, buf: &mut [u8], offset: u64) -> Result<usize>;

    /// Advises the kernel to read ahead or not.
    fn read_ahead(&self, wanted: bool);

    /// Advises the kernel to drop `len` bytes from the page cache, except dirty or used pages.
    fn drop_cached(&self, offset: u64, len: u64);

    /// Starts writeback of the dirty pages of a range; see `sync_file_range(2)`.
    fn start_writeback(&self, offset: u64, len: u64) -> Result<()>;

    /// Writes back the dirty pages of a range and waits for that; see `sync_file_range(2)`. Does not replace [`sync`](Self::sync).
    ///
    /// The kernel reports a failure of the disk only once: after this has reported it, `sync` does not.
    fn finish_writeback(&self, offset: u64, len: u64) -> Result<()>;
}
