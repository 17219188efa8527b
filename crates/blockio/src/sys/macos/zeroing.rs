//! Zeroing ranges, and finding holes.

use rustix::fd::{AsFd, AsRawFd};
use rustix::io::retry_on_intr;

use super::{Errno, status};
use crate::sys::posix::Result;

/// Frees the space of a range of a file, whose size does not change; see `F_PUNCHHOLE` in fcntl(2). `EINVAL` if the range does not
/// consist of whole blocks of the file system.
pub(crate) fn punch_hole(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    let range = libc::fpunchhole_t {
        fp_flags: 0,
        reserved: 0,
        fp_offset: offset.try_into().map_err(|_| Errno::INVAL)?,
        fp_length: len.try_into().map_err(|_| Errno::INVAL)?,
    };
    let fd = fd.as_fd().as_raw_fd();
    retry_on_intr(|| {
        // SAFETY: F_PUNCHHOLE reads one fpunchhole_t, which `range` is.
        status(unsafe { libc::fcntl(fd, libc::F_PUNCHHOLE, &raw const range) }.into())
    })
    // macOS has two numbers for "not supported"; callers know the other one.
    .map_err(|errno| match errno {
        Errno::NOTSUP => Errno::OPNOTSUPP,
        errno => errno,
    })
}

/// Fails: macOS has nothing like it.
pub(crate) fn zero_range(_fd: impl AsFd, _offset: u64, _len: u64) -> Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Fails: macOS has nothing like it.
pub(crate) fn zero_out(_fd: impl AsFd, _offset: u64, _len: u64) -> Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Fails, so that everything counts as data: `SEEK_DATA` on APFS has reported holes where there was data
/// (<https://github.com/coreutils/coreutils/pull/68>).
pub(crate) fn next_data(_fd: impl AsFd, _offset: u64) -> Result<u64> {
    Err(Errno::OPNOTSUPP)
}

/// Fails, as [`next_data`].
pub(crate) fn next_hole(_fd: impl AsFd, _offset: u64) -> Result<u64> {
    Err(Errno::OPNOTSUPP)
}
