//! Querying and controlling the page cache.

use std::io::IoSliceMut;
use std::num::NonZeroU64;

use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::{self, Advice};
use rustix::io::{self, Errno, ReadWriteFlags, retry_on_intr};

use super::{Result, page_size, status};

/// cachestat(2), the same number on every architecture (Linux 6.5).
const SYS_CACHESTAT: libc::c_long = 451;

/// Range for cachestat(2), in bytes.
#[repr(C)]
struct CachestatRange {
    offset: u64,
    len: u64,
}

/// Result of cachestat(2), in pages.
#[repr(C)]
#[derive(Default)]
struct Cachestat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// Returns true if all of the `len` bytes (at least one) from `offset` are cached; fails if the kernel does not support the query.
pub(crate) fn is_cached(fd: impl AsFd, offset: u64, len: u64) -> Result<bool> {
    let range = CachestatRange { offset, len };
    let mut stat = Cachestat::default();
    // SAFETY: both pointers are to structures that outlive the call, laid out as the system call reads and writes them.
    let result = unsafe {
        libc::syscall(
            SYS_CACHESTAT,
            fd.as_fd().as_raw_fd(),
            &raw const range,
            &raw mut stat,
            0_u32,
        )
    };
    status(result)?;
    let page = page_size() as u64;
    let pages = (offset + len).div_ceil(page) - offset / page;
    Ok(stat.cached >= pages)
}

/// Reads only cached data; `EAGAIN` if there is none, other errors if the kernel does not support it.
pub(crate) fn read_cached(fd: impl AsFd, buf: &mut [u8], offset: u64) -> Result<usize> {
    retry_on_intr(|| {
        io::preadv2(
            &fd,
            &mut [IoSliceMut::new(buf)],
            offset,
            ReadWriteFlags::NOWAIT,
        )
    })
}

/// Gives advice to the kernel; ignores failures, because it is only advice.
pub(crate) fn advise_sequential(fd: impl AsFd) {
    let _ = fs::fadvise(fd, 0, None, Advice::Sequential);
}

/// Turns off readahead: a read brings in only what it asked for.
pub(crate) fn advise_random(fd: impl AsFd) {
    let _ = fs::fadvise(fd, 0, None, Advice::Random);
}

/// Drops `len` bytes from the page cache, except dirty or used pages.
pub(crate) fn advise_dont_need(fd: impl AsFd, offset: u64, len: u64) {
    if let Some(len) = NonZeroU64::new(len) {
        let _ = fs::fadvise(fd, offset, Some(len), Advice::DontNeed);
    }
}

/// Starts writeback of the dirty pages of a range; see `sync_file_range(2)`.
pub(crate) fn start_writeback(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    sync_file_range(fd, offset, len, libc::SYNC_FILE_RANGE_WRITE)
}

/// Writes back the dirty pages of a range and waits for that.
pub(crate) fn finish_writeback(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    sync_file_range(
        fd,
        offset,
        len,
        libc::SYNC_FILE_RANGE_WAIT_BEFORE
            | libc::SYNC_FILE_RANGE_WRITE
            | libc::SYNC_FILE_RANGE_WAIT_AFTER,
    )
}

fn sync_file_range(fd: impl AsFd, offset: u64, len: u64, flags: libc::c_uint) -> Result<()> {
    let offset = i64::try_from(offset).map_err(|_| Errno::INVAL)?;
    let len = i64::try_from(len).map_err(|_| Errno::INVAL)?;
    retry_on_intr(|| {
        // SAFETY: it takes any numbers, and touches no memory of ours.
        let result = unsafe { libc::sync_file_range(fd.as_fd().as_raw_fd(), offset, len, flags) };
        status(result.into())
    })
}
