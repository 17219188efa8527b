//! Querying and controlling the page cache.

use rustix::fd::{AsFd, AsRawFd};

use super::Errno;
use crate::sys::posix::Result;

/// Fails: macOS does not tell without mapping the file.
pub(crate) fn is_cached(_fd: impl AsFd, _offset: u64, _len: u64) -> Result<bool> {
    Err(Errno::OPNOTSUPP)
}

/// Fails: macOS always reads from the disk what is not cached.
pub(crate) fn read_cached(_fd: impl AsFd, _buf: &mut [u8], _offset: u64) -> Result<usize> {
    Err(Errno::OPNOTSUPP)
}

/// Gives advice to the kernel; ignores failures, because it is only advice.
pub(crate) fn advise_sequential(fd: impl AsFd) {
    read_ahead(fd, true);
}

/// Turns off readahead: a read brings in only what it asked for.
pub(crate) fn advise_random(fd: impl AsFd) {
    read_ahead(fd, false);
}

fn read_ahead(fd: impl AsFd, wanted: bool) {
    // SAFETY: F_RDAHEAD takes a number and touches no memory of ours.
    unsafe {
        libc::fcntl(
            fd.as_fd().as_raw_fd(),
            libc::F_RDAHEAD,
            libc::c_int::from(wanted),
        )
    };
}

/// Does nothing: macOS drops what is cached when it needs the memory.
pub(crate) fn advise_dont_need(_fd: impl AsFd, _offset: u64, _len: u64) {}

/// Fails: macOS cannot write back a range of a file. The sync at the end writes everything.
pub(crate) fn start_writeback(_fd: impl AsFd, _offset: u64, _len: u64) -> Result<()> {
    Err(Errno::OPNOTSUPP)
}

/// Fails, as [`start_writeback`].
pub(crate) fn finish_writeback(_fd: impl AsFd, _offset: u64, _len: u64) -> Result<()> {
    Err(Errno::OPNOTSUPP)
}
