//! System calls of Linux.
#![allow(unsafe_code)]

use std::io::IoSlice;
use std::path::Path;
use std::ptr::NonNull;

use rustix::event::PollFlags;
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{AtFlags, FlockOperation, OFlags, SeekFrom, StatxFlags};
use rustix::io::{self, Errno, ReadWriteFlags, retry_on_intr};
use rustix::ioctl::{Getter, Opcode, ioctl, opcode};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use rustix::{fs, mm, pipe};

use super::posix::{Result, open, open_named, status};
use super::{DirectAlignment, Stat, page_size};

mod attributes;
mod cache;
mod clone;
mod identity;
mod lease;
mod locks;
mod rights;
mod socket;
mod walk;
mod zeroing;

pub(crate) use attributes::*;
pub(crate) use cache::*;
pub(crate) use clone::*;
pub(crate) use identity::*;
pub(crate) use lease::*;
pub(crate) use locks::*;
pub(crate) use rights::*;
pub use socket::limit_unsent;
pub(crate) use walk::*;
pub(crate) use zeroing::*;

/// Events for poll(2) that wait for the other end of a pipe to be closed: none, because poll(2) always reports that.
pub(crate) const HANG_UP: PollFlags = PollFlags::empty();

/// Returns the identifier of this boot of this host; see random(4).
pub(crate) fn boot_id() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}

/// Returns a device number as `major:minor`, as in /proc and /sys.
pub(crate) fn device_number(device: u64) -> String {
    format!("{}:{}", fs::major(device), fs::minor(device))
}

/// Parses `major:minor` of /proc and /sys into a device number.
pub(crate) fn device_of(number: &str) -> Option<u64> {
    let (major, minor) = number.split_once(':')?;
    Some(fs::makedev(major.parse().ok()?, minor.parse().ok()?))
}

/// Returns the name of a file or device node in /proc/locks, with the device number of its file system in hexadecimal.
pub(crate) fn name_among_locks(stat: &Stat) -> String {
    let device = stat.file_system;
    let (major, minor) = (fs::major(device), fs::minor(device));
    format!("{major:02x}:{minor:02x}:{}", stat.inode)
}

/// Writes to a pipe what fits into it; `EAGAIN` if it is full. Linux before 6.4 can do this only to files: `EOPNOTSUPP`.
pub(crate) fn write_to_pipe_now(fd: impl AsFd, data: &[u8]) -> Result<usize> {
    /// The offset that stands for the position of the descriptor; see pwritev2(2).
    const AT_POSITION: u64 = u64::MAX;
    io::pwritev2(
        fd,
        &[IoSlice::new(data)],
        AT_POSITION,
        ReadWriteFlags::NOWAIT,
    )
}

/// Returns the magic number of the file system; see statfs(2).
fn file_system_kind(found: &fs::StatFs) -> Result<u32> {
    u32::try_from(found.f_type & 0xFFFF_FFFF).map_err(|_| Errno::OVERFLOW)
}

/// Returns the magic number of the file system that a path is on; see statfs(2).
pub(crate) fn kind_of_file_system(path: &Path) -> Result<u32> {
    file_system_kind(&retry_on_intr(|| fs::statfs(path))?)
}

/// Opens a block device exclusively: `EBUSY` if it is mounted, held or claimed. It stays claimed while it is open.
pub(crate) fn open_exclusively_for_reading(path: &Path) -> Result<OwnedFd> {
    open_named(path, OFlags::RDONLY | OFlags::EXCL)
}

/// Opens for writing. With `exclusive`, a block device that is mounted, held or claimed gives `EBUSY`.
pub(crate) fn open_for_writing(path: &Path, exclusive: bool) -> Result<OwnedFd> {
    let claim = if exclusive {
        OFlags::EXCL
    } else {
        OFlags::empty()
    };
    open_named(path, write_access() | claim)
}

/// Opens the file or device of `fd` again for reading, whatever its path refers to now.
pub(crate) fn reopen_for_reading(fd: impl AsFd) -> Result<OwnedFd> {
    open(proc_path(fd).as_str(), OFlags::RDONLY)
}

/// As [`open_exclusively_for_reading`], for the device of `fd`.
pub(crate) fn reopen_exclusively_for_reading(fd: impl AsFd) -> Result<OwnedFd> {
    open(proc_path(fd).as_str(), OFlags::RDONLY | OFlags::EXCL)
}

/// Opens the file or device of `fd` again with direct I/O (`O_DIRECT`), for reading or writing like `fd`.
pub(crate) fn reopen_direct(fd: impl AsFd) -> Result<OwnedFd> {
    let access = fs::fcntl_getfl(&fd)? & OFlags::RWMODE;
    open(proc_path(fd).as_str(), access | OFlags::DIRECT)
}

/// Returns the flags to open for writing. Reading uses a second descriptor, opened through /proc; without /proc, one descriptor is open
/// for both.
pub(super) fn write_access() -> OFlags {
    if Path::new("/proc/self/fd").exists() {
        OFlags::WRONLY
    } else {
        OFlags::RDWR
    }
}

fn proc_path(fd: impl AsFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}

/// Returns the size of a block device in bytes.
pub(crate) fn device_size(fd: impl AsFd) -> Result<u64> {
    // The header of the kernel says size_t, but the kernel writes 64 bits.
    const BLKGETSIZE64: Opcode = opcode::read::<usize>(0x12, 114);
    // SAFETY: BLKGETSIZE64 writes one u64 and reads nothing.
    let size = unsafe { Getter::<BLKGETSIZE64, u64>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    unsafe { ioctl(fd.as_fd(), size) }.or_else(|_| fs::seek(fd, SeekFrom::End(0)))
}

/// Returns true if a block device is read-only.
pub(crate) fn is_read_only(fd: impl AsFd) -> Result<bool> {
    const BLKROGET: Opcode = opcode::none(0x12, 94);
    // SAFETY: BLKROGET writes one int and reads nothing.
    let flag = unsafe { Getter::<BLKROGET, libc::c_int>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    unsafe { ioctl(fd, flag) }.map(|flag| flag != 0)
}

/// Returns the alignment for direct reads of `fd`: `STATX_DIOALIGN` (Linux 6.1), else `BLKSSZGET`.
pub(crate) fn direct_alignment(fd: impl AsFd) -> DirectAlignment {
    let bytes = match fs::statx(&fd, c"", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN) {
        Ok(statx)
            if StatxFlags::from_bits_retain(statx.stx_mask).contains(StatxFlags::DIOALIGN) =>
        {
            if statx.stx_dio_offset_align == 0 || statx.stx_dio_mem_align == 0 {
                return DirectAlignment::Refused;
            }
            statx.stx_dio_mem_align.max(statx.stx_dio_offset_align)
        }
        _ => match fs::ioctl_blksszget(fd) {
            Ok(bytes) => bytes,
            Err(_) => return DirectAlignment::Unknown,
        },
    };
    usize::try_from(bytes).map_or(DirectAlignment::Refused, DirectAlignment::Known)
}

/// Asks for huge pages for memory that has not been touched yet. Has no effect if there are none.
///
/// # Safety
/// The `len` bytes belong to the caller and begin at a page.
pub(crate) unsafe fn advise_huge_pages(memory: NonNull<u8>, len: usize) {
    // SAFETY: the content of the memory does not change, and the caller guarantees that the memory belongs to it.
    let _ = unsafe { mm::madvise(memory.as_ptr().cast(), len, mm::Advice::LinuxHugepage) };
}

pub(crate) fn sync_data(fd: impl AsFd) -> Result<()> {
    retry_on_intr(|| fs::fdatasync(&fd))
}

pub(crate) fn sync_all(fd: impl AsFd) -> Result<()> {
    retry_on_intr(|| fs::fsync(&fd))
}

/// Turns off updates of the access time (`O_NOATIME` of fcntl(2)), if the file belongs to this user.
pub(crate) fn keep_access_time(fd: impl AsFd) {
    if let Ok(flags) = fs::fcntl_getfl(&fd) {
        // Reading a file of another user changes its access time, which is acceptable.
        let _ = fs::fcntl_setfl(&fd, flags | OFlags::NOATIME);
    }
}

/// Opens a place in the tree of files (`O_PATH`), neither for reading nor for writing.
pub(crate) fn open_place(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::PATH)
}

/// Enlarges the capacity of a pipe to at least `len` bytes if possible; returns its capacity.
pub(crate) fn grow_pipe(fd: impl AsFd, len: usize) -> Result<usize> {
    let held = pipe::fcntl_getpipe_size(&fd)?;
    if held >= len {
        return Ok(held);
    }
    Ok(pipe::fcntl_setpipe_size(fd, len).unwrap_or(held))
}

/// Creates a pipe with a capacity of at least `len` bytes if possible; returns the end to read from and the end to write to.
pub(crate) fn pipe(len: usize) -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe::pipe_with(pipe::PipeFlags::CLOEXEC)?;
    grow_pipe(&write, len)?;
    Ok((read, write))
}

/// Creates a file in memory that has no name; see `memfd_create(2)`.
pub(crate) fn memory_file() -> Result<OwnedFd> {
    fs::memfd_create("blockcopy", fs::MemfdFlags::CLOEXEC)
}

/// Duplicates a descriptor of another process: both then have the same open file, with its locks and claims. See `pidfd_getfd(2)`.
pub(crate) fn duplicate_of(process: i32, descriptor: i32) -> Result<OwnedFd> {
    let process = Pid::from_raw(process).ok_or(Errno::SRCH)?;
    let process = pidfd_open(process, PidfdFlags::empty())?;
    pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty())
}

/// Opens the terminal of `fd` again and locks it, unless it is locked already. A lock belongs to the open file description, and `fd` shares
/// its description with every process started from the same shell.
pub(crate) fn lock_terminal(fd: impl AsFd) -> Result<OwnedFd> {
    let terminal = open(proc_path(fd).as_str(), OFlags::WRONLY | OFlags::NONBLOCK)?;
    fs::flock(&terminal, FlockOperation::NonBlockingLockExclusive)?;
    Ok(terminal)
}
