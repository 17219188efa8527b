//! Linux.
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

/// `major:minor`, as /proc and /sys write it.
pub(crate) fn device_number(device: u64) -> String {
    format!("{}:{}", fs::major(device), fs::minor(device))
}

/// The number of the device that /proc and /sys write as `major:minor`.
pub(crate) fn device_of(number: &str) -> Option<u64> {
    let (major, minor) = number.split_once(':')?;
    Some(fs::makedev(major.parse().ok()?, minor.parse().ok()?))
}

/// A file or device node as /proc/locks names it: the numbers of its file system in hexadecimal.
pub(crate) fn name_among_locks(stat: &Stat) -> String {
    let device = stat.file_system;
    let (major, minor) = (fs::major(device), fs::minor(device));
    format!("{major:02x}:{minor:02x}:{}", stat.inode)
}

fn open(path: impl rustix::path::Arg + Copy, flags: OFlags) -> Result<OwnedFd> {
    // Without a file that is made, there is no mode to give.
    open_or_create(path, flags, Mode::empty())
}

fn open_or_create(
    path: impl rustix::path::Arg + Copy,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd> {
    retry_on_intr(|| fs::open(path, flags | OFlags::CLOEXEC | OFlags::NOCTTY, mode))
}

/// Makes a file, for its owner alone; `EEXIST` if there is anything by that name, also a symbolic link that leads nowhere.
pub(crate) fn create(path: &Path) -> Result<OwnedFd> {
    let flags = write_access() | OFlags::CREATE | OFlags::EXCL;
    open_or_create(path, flags, Mode::RUSR | Mode::WUSR)
}

/// Takes a name out of a directory; see unlink(2).
pub(crate) fn unlink_in(directory: impl AsFd, name: &OsStr) -> Result<()> {
    fs::unlinkat(directory, name, AtFlags::empty())
}

pub(crate) fn open_directory(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY)
}

pub(crate) fn open_for_reading(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY)
}

/// A block device that is mounted, held or claimed gives `EBUSY`. It is claimed for as long as it is open.
pub(crate) fn open_exclusively_for_reading(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::EXCL)
}

/// With `exclusive`, a block device that is mounted, held or claimed gives `EBUSY`.
pub(crate) fn open_for_writing(path: &Path, exclusive: bool) -> Result<OwnedFd> {
    let claim = if exclusive {
        OFlags::EXCL
    } else {
        OFlags::empty()
    };
    open(path, write_access() | claim)
}

/// Opens what `fd` has open once more for reading, whatever its path leads to by now.
pub(crate) fn reopen_for_reading(fd: impl AsFd) -> Result<OwnedFd> {
    open(proc_path(fd).as_str(), OFlags::RDONLY)
}

/// As [`open_exclusively_for_reading`], of what `fd` has open.
pub(crate) fn reopen_exclusively_for_reading(fd: impl AsFd) -> Result<OwnedFd> {
    open(proc_path(fd).as_str(), OFlags::RDONLY | OFlags::EXCL)
}

/// Opens what `fd` has open once more, past the page cache, for reading or writing as `fd` is.
pub(crate) fn reopen_direct(fd: impl AsFd) -> Result<OwnedFd> {
    let access = fs::fcntl_getfl(&fd)? & OFlags::RWMODE;
    open(proc_path(fd).as_str(), access | OFlags::DIRECT)
}

/// The flags to open for writing. Reading uses a second descriptor, opened through /proc; without /proc, one is open for both.
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
    // Not over 0, 1 or 2, should one of them be closed.
    io::fcntl_dupfd_cloexec(fd, 3)
}

/// Size of a block device in bytes.
pub(crate) fn device_size(fd: impl AsFd) -> Result<u64> {
    // The kernel's header says size_t where the kernel writes 64 bits.
    const BLKGETSIZE64: Opcode = opcode::read::<usize>(0x12, 114);
    // SAFETY: BLKGETSIZE64 writes one u64 and reads nothing.
    let size = unsafe { Getter::<BLKGETSIZE64, u64>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    unsafe { ioctl(fd.as_fd(), size) }.or_else(|_| fs::seek(fd, SeekFrom::End(0)))
}

/// Whether a block device is set read-only.
pub(crate) fn is_read_only(fd: impl AsFd) -> Result<bool> {
    const BLKROGET: Opcode = opcode::none(0x12, 94);
    // SAFETY: BLKROGET writes one int and reads nothing.
    let flag = unsafe { Getter::<BLKROGET, libc::c_int>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    unsafe { ioctl(fd, flag) }.map(|flag| flag != 0)
}

/// What direct reads of `fd` must be aligned to: `STATX_DIOALIGN` (Linux 6.1), else `BLKSSZGET`.
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

/// Makes a file that long.
pub(crate) fn set_len(fd: impl AsFd, len: u64) -> Result<()> {
    retry_on_intr(|| fs::ftruncate(&fd, len))
}

/// Bytes in a page of memory.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// Asks for huge pages behind some memory that has not been touched yet. Where there are none, nothing is lost.
///
/// # Safety
/// The `len` bytes belong to the caller and begin at a page.
pub(crate) unsafe fn advise_huge_pages(memory: NonNull<u8>, len: usize) {
    // SAFETY: the content of the memory stays as it is; that it belongs to the caller, the caller promises.
    let _ = unsafe { mm::madvise(memory.as_ptr().cast(), len, mm::Advice::LinuxHugepage) };
}

/// What a system call called through libc has returned: -1 is a failure.
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

/// Lets reads leave the time of the last access as it is (`O_NOATIME` of fcntl(2)), where the file is ours.
pub(crate) fn keep_access_time(fd: impl AsFd) {
    if let Ok(flags) = fs::fcntl_getfl(&fd) {
        // Of somebody else's file it may change: that is no reason not to read it.
        let _ = fs::fcntl_setfl(&fd, flags | OFlags::NOATIME);
    }
}

/// Makes a pipe hold at least `len` bytes if it may; returns what it holds.
pub(crate) fn grow_pipe(fd: impl AsFd, len: usize) -> Result<usize> {
    let held = pipe::fcntl_getpipe_size(&fd)?;
    if held >= len {
        return Ok(held);
    }
    Ok(pipe::fcntl_setpipe_size(fd, len).unwrap_or(held))
}

/// A pipe that holds at least `len` bytes if it may: the end to read from, and the end to write to.
pub(crate) fn pipe(len: usize) -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe::pipe_with(pipe::PipeFlags::CLOEXEC)?;
    grow_pipe(&write, len)?;
    Ok((read, write))
}

/// Waits without limit until one of `events`, or the end of the other side, is there.
pub(crate) fn poll(fd: impl AsFd, events: PollFlags) -> Result<PollFlags> {
    let mut fds = [event::PollFd::new(&fd, events)];
    retry_on_intr(|| event::poll(&mut fds, None))?;
    Ok(fds[0].revents())
}

/// Locks what `fd` has open for as long as its description is open, see flock(2); `EWOULDBLOCK` if somebody else has.
pub(crate) fn lock_exclusively(fd: impl AsFd) -> Result<()> {
    retry_on_intr(|| fs::flock(&fd, FlockOperation::NonBlockingLockExclusive))
}

/// Opens the terminal on `fd` anew (a lock belongs to the open file description, which `fd` shares
/// with every process started from the same shell) and locks it, unless it is locked already.
pub(crate) fn lock_terminal(fd: impl AsFd) -> Result<OwnedFd> {
    let terminal = open(proc_path(fd).as_str(), OFlags::WRONLY | OFlags::NONBLOCK)?;
    fs::flock(&terminal, FlockOperation::NonBlockingLockExclusive)?;
    Ok(terminal)
}

/// Ends the process at once, as _exit(2) does: no exit handlers, no waiting.
///
/// Node's own exit joins libuv's threads, and one of them may be blocked for ever in a read of
/// standard input.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes any number and does not return.
    unsafe { libc::_exit(code) }
}
