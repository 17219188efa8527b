//! System calls of Linux.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::path::Path;
use std::ptr::NonNull;

use rustix::event::PollFlags;
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, SeekFrom, StatxFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::ioctl::{Getter, Opcode, ioctl, opcode};
use rustix::{event, fs, io, mm, pipe};

use super::{DirectAlignment, Stat};

mod attributes;
mod cache;
mod identity;
mod lease;
mod ofd;
mod rights;
mod zeroing;

pub(crate) use attributes::*;
pub(crate) use cache::*;
pub(crate) use identity::*;
pub(crate) use lease::*;
pub(crate) use ofd::*;
pub(crate) use rights::*;
pub(crate) use zeroing::*;

type Result<T> = std::result::Result<T, Errno>;

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

fn open(path: impl rustix::path::Arg + Copy, flags: OFlags) -> Result<OwnedFd> {
    // No file is created, so the mode does not matter.
    open_or_create(path, flags, Mode::empty())
}

fn open_or_create(
    path: impl rustix::path::Arg + Copy,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd> {
    retry_on_intr(|| fs::open(path, flags | OFlags::CLOEXEC | OFlags::NOCTTY, mode))
}

/// Creates a file with permissions for its owner only; `EEXIST` if the name exists, even as a dangling symbolic link.
pub(crate) fn create(path: &Path) -> Result<OwnedFd> {
    let flags = write_access() | OFlags::CREATE | OFlags::EXCL;
    open_or_create(path, flags, Mode::RUSR | Mode::WUSR)
}

/// Removes a name from a directory; see unlink(2).
pub(crate) fn unlink_in(directory: impl AsFd, name: &OsStr) -> Result<()> {
    fs::unlinkat(directory, name, AtFlags::empty())
}

pub(crate) fn open_directory(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY)
}

pub(crate) fn open_for_reading(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY)
}

/// Opens a block device exclusively: `EBUSY` if it is mounted, held or claimed. It stays claimed while it is open.
pub(crate) fn open_exclusively_for_reading(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::EXCL)
}

/// Opens for writing. With `exclusive`, a block device that is mounted, held or claimed gives `EBUSY`.
pub(crate) fn open_for_writing(path: &Path, exclusive: bool) -> Result<OwnedFd> {
    let claim = if exclusive {
        OFlags::EXCL
    } else {
        OFlags::empty()
    };
    open(path, write_access() | claim)
}

/// Opens the file or device of `fd` again for reading, whatever its path refers to now.
pub(crate) fn reopen_for_reading(fd: impl AsFd) -> Result<OwnedFd> {
    open(proc_path(fd).as_str(), OFlags::RDONLY)
}

/// As [`open_exclusively_for_reading`], for the device of `fd`.
pub(crate) fn reopen_exclusively_for_reading(fd: impl AsFd) -> Result<OwnedFd> {
    open(proc_path(fd).as_str(), OFlags::RDONLY | OFlags::EXCL)
}

/// Opens the file or device of `fd` again with direct I/O, for reading or writing like `fd`.
pub(crate) fn reopen_direct(fd: impl AsFd) -> Result<OwnedFd> {
    let access = fs::fcntl_getfl(&fd)? & OFlags::RWMODE;
    open(proc_path(fd).as_str(), access | OFlags::DIRECT)
}

/// Returns the flags to open for writing. Reading uses a second descriptor, opened through /proc; without /proc, one descriptor is open
/// for both.
fn write_access() -> OFlags {
    if Path::new("/proc/self/fd").exists() {
        OFlags::WRONLY
    } else {
        OFlags::RDWR
    }
}

fn proc_path(fd: impl AsFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}

pub(crate) fn duplicate(fd: impl AsFd) -> Result<OwnedFd> {
    // Not 0, 1 or 2, in case one of them is closed.
    io::fcntl_dupfd_cloexec(fd, 3)
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

pub(crate) fn read(fd: impl AsFd, buf: &mut [u8], offset: u64) -> Result<usize> {
    retry_on_intr(|| io::pread(&fd, &mut *buf, offset))
}

pub(crate) fn write(fd: impl AsFd, data: &[u8], offset: u64) -> Result<usize> {
    retry_on_intr(|| io::pwrite(&fd, data, offset))
}

/// Sets the length of a file.
pub(crate) fn set_len(fd: impl AsFd, len: u64) -> Result<()> {
    retry_on_intr(|| fs::ftruncate(&fd, len))
}

/// Returns the length of a page of memory in bytes.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// Asks for huge pages for memory that has not been touched yet. Has no effect if there are none.
///
/// # Safety
/// The `len` bytes belong to the caller and begin at a page.
pub(crate) unsafe fn advise_huge_pages(memory: NonNull<u8>, len: usize) {
    // SAFETY: the content of the memory does not change, and the caller guarantees that the memory belongs to it.
    let _ = unsafe { mm::madvise(memory.as_ptr().cast(), len, mm::Advice::LinuxHugepage) };
}

/// Converts the result of a system call made through libc: -1 is a failure.
fn status(result: libc::c_long) -> Result<()> {
    if result == -1 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    Ok(())
}

pub(crate) fn sync_data(fd: impl AsFd) -> Result<()> {
    retry_on_intr(|| fs::fdatasync(&fd))
}

pub(crate) fn sync_all(fd: impl AsFd) -> Result<()> {
    retry_on_intr(|| fs::fsync(&fd))
}

/// Clears `O_NONBLOCK` on the open file description, if it is set.
pub(crate) fn set_blocking(fd: impl AsFd) -> Result<()> {
    let flags = fs::fcntl_getfl(&fd)?;
    if flags.contains(OFlags::NONBLOCK) {
        fs::fcntl_setfl(fd, flags - OFlags::NONBLOCK)?;
    }
    Ok(())
}

/// Turns off updates of the access time (`O_NOATIME` of fcntl(2)), if the file belongs to this user.
pub(crate) fn keep_access_time(fd: impl AsFd) {
    if let Ok(flags) = fs::fcntl_getfl(&fd) {
        // Reading a file of another user changes its access time, which is acceptable.
        let _ = fs::fcntl_setfl(&fd, flags | OFlags::NOATIME);
    }
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

/// Waits without a timeout for one of `events` or for the other end to be closed.
pub(crate) fn poll(fd: impl AsFd, events: PollFlags) -> Result<PollFlags> {
    let mut fds = [event::PollFd::new(&fd, events)];
    retry_on_intr(|| event::poll(&mut fds, None))?;
    Ok(fds[0].revents())
}

/// Locks the file of `fd` for as long as its description is open, see flock(2); `EWOULDBLOCK` if another process has locked it.
pub(crate) fn lock_exclusively(fd: impl AsFd) -> Result<()> {
    retry_on_intr(|| fs::flock(&fd, FlockOperation::NonBlockingLockExclusive))
}

/// Opens the terminal of `fd` again and locks it, unless it is locked already. A lock belongs to the open file description, and `fd` shares
/// its description with every process started from the same shell.
pub(crate) fn lock_terminal(fd: impl AsFd) -> Result<OwnedFd> {
    let terminal = open(proc_path(fd).as_str(), OFlags::WRONLY | OFlags::NONBLOCK)?;
    fs::flock(&terminal, FlockOperation::NonBlockingLockExclusive)?;
    Ok(terminal)
}

/// Ends the process at once, like _exit(2): no exit handlers, no waiting.
///
/// The exit of Node joins the threads of libuv, and one of them may be blocked forever in a read of standard input.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes any number and does not return.
    unsafe { libc::_exit(code) }
}
