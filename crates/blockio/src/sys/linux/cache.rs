//! The page cache: what it holds, what it should hold, and what of it is on the disk.

use std::io::IoSliceMut;
use std::num::NonZeroU64;

use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::{self, Advice};
use rustix::io::{self, Errno, ReadWriteFlags, retry_on_intr};

use super::{Result, page_size, status};

/// cachestat(2), the same number on every architecture (Linux 6.5).
const SYS_CACHESTAT: libc::c_long = 451;

/// The range that cachestat(2) is asked for, in bytes.
#[repr(C)]
struct CachestatRange {
    offset: u64,
    len: u64,
}

/// What cachestat(2) answers, in pages.
#[repr(C)]
#[derive(Default)]
struct Cachestat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// Whether the page cache holds all of the `len` bytes (at least one) from `offset`; an error where it cannot be asked.
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

/// Reads what the page cache holds; `EAGAIN` if that is nothing, other errors where it cannot be asked.
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

/// Advice is advice: that it was not taken is no failure.
pub(crate) fn advise_sequential(fd: impl AsFd) {
    let _ = fs::fadvise(fd, 0, None, Advice::Sequential);
}

/// No readahead: a read brings in what it asked for and nothing more.
pub(crate) fn advise_random(fd: impl AsFd) {
    let _ = fs::fadvise(fd, 0, None, Advice::Random);
}

/// Drops `len` bytes from the page cache, except what is dirty or in use.
pub(crate) fn advise_dont_need(fd: impl AsFd, offset: u64, len: u64) {
    if let Some(len) = NonZeroU64::new(len) {
        let _ = fs::fadvise(fd, offset, Some(len), Advice::DontNeed);
    }
}

/// Starts to write the dirty pages of a range to the disk; see `sync_file_range(2)`.
pub(crate) fn start_writeback(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    sync_file_range(fd, offset, len, libc::SYNC_FILE_RANGE_WRITE)
}

/// Writes the dirty pages of a range to the disk and waits for that.
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
