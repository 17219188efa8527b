//! System calls of macOS.
//!
//! They are compiled and linked, but have not been run yet. Where macOS cannot do what Linux does, they fail with `EOPNOTSUPP`, and
//! callers do without or refuse.
#![allow(unsafe_code)]

use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use rustix::event::PollFlags;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, FlockOperation, OFlags};
use rustix::io::{self, FdFlags, retry_on_intr};
use rustix::ioctl::{Getter, NoArg, Opcode, ioctl, opcode};
use rustix::pipe as pipes;

use super::posix::{Result, open, status};
use super::{DirectAlignment, Errno, Stat, Walked, fstat};

mod attributes;
mod cache;
mod mounts;
mod processes;
mod rights;
mod zeroing;

pub(crate) use attributes::*;
pub(crate) use cache::*;
pub(crate) use mounts::*;
pub(crate) use processes::*;
pub(crate) use rights::*;
pub(crate) use zeroing::*;

/// Events for poll(2) that wait for the other end of a pipe to be closed. Without any, poll(2) of macOS waits for nothing.
pub(crate) const HANG_UP: PollFlags = PollFlags::HUP;

/// Returns the identifier of this boot of this host: `kern.bootsessionuuid` of sysctl(3).
pub(crate) fn boot_id() -> Option<String> {
    let mut text = [0_u8; 64];
    let mut len = text.len();
    // SAFETY: the name ends with a zero byte, and at most `len` bytes of `text` are written.
    let result = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &raw mut len,
            std::ptr::null_mut(),
            0,
        )
    };
    status(result.into()).ok()?;
    let text = text.get(..len)?;
    let text = str::from_utf8(text).ok()?.trim_end_matches('\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns a device number as `major:minor`.
pub(crate) fn device_number(device: u64) -> String {
    // The major number is the highest of four bytes; see makedev(3).
    format!("{}:{}", device >> 24 & 0xFF, device & 0xFF_FFFF)
}

/// Fails: macOS opens no device exclusively.
pub(crate) fn open_exclusively_for_reading(_path: &Path) -> Result<OwnedFd> {
    Err(Errno::OPNOTSUPP)
}

/// Fails: macOS writes without waiting only where the open file description says so.
pub(crate) fn write_to_pipe_now(_fd: impl AsFd, _data: &[u8]) -> Result<usize> {
    Err(Errno::OPNOTSUPP)
}

/// Opens for writing. Fails with `exclusive`, because macOS opens no device exclusively.
pub(crate) fn open_for_writing(path: &Path, exclusive: bool) -> Result<OwnedFd> {
    if exclusive {
        return Err(Errno::OPNOTSUPP);
    }
    open(path, write_access())
}

/// Opens the file or device of `fd` again for reading; `ENOENT` if its path refers to another one now.
pub(crate) fn reopen_for_reading(fd: impl AsFd) -> Result<OwnedFd> {
    reopen(fd, OFlags::RDONLY)
}

/// Fails: macOS opens no device exclusively.
pub(crate) fn reopen_exclusively_for_reading(_fd: impl AsFd) -> Result<OwnedFd> {
    Err(Errno::OPNOTSUPP)
}

/// Opens the file or device of `fd` again, for reading or writing like `fd`, past the page cache; see `F_NOCACHE` in fcntl(2).
pub(crate) fn reopen_direct(fd: impl AsFd) -> Result<OwnedFd> {
    let access = fs::fcntl_getfl(&fd)? & OFlags::RWMODE;
    let direct = reopen(fd, access)?;
    fs::fcntl_nocache(&direct, true)?;
    Ok(direct)
}

/// Opens by path, because opening /dev/fd only duplicates the descriptor.
fn reopen(fd: impl AsFd, flags: OFlags) -> Result<OwnedFd> {
    let path = fs::getpath(&fd)?;
    let opened = open(path.as_c_str(), flags)?;
    if fstat(&opened)?.same(&fstat(fd)?) {
        Ok(opened)
    } else {
        Err(Errno::NOENT)
    }
}

/// Returns the flags to open for writing: for reading too, because a file that has lost its path cannot be opened again.
pub(super) fn write_access() -> OFlags {
    OFlags::RDWR
}

/// Returns the size of a block device in bytes.
pub(crate) fn device_size(fd: impl AsFd) -> Result<u64> {
    const DKIOCGETBLOCKCOUNT: Opcode = opcode::read::<u64>(b'd', 25);
    // SAFETY: DKIOCGETBLOCKCOUNT writes one u64 and reads nothing.
    let count = unsafe { Getter::<DKIOCGETBLOCKCOUNT, u64>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    let count = unsafe { ioctl(&fd, count) }?;
    let bytes = count.checked_mul(sector_size(fd)?.into());
    bytes.ok_or(Errno::OVERFLOW)
}

fn sector_size(fd: impl AsFd) -> Result<u32> {
    const DKIOCGETBLOCKSIZE: Opcode = opcode::read::<u32>(b'd', 24);
    // SAFETY: DKIOCGETBLOCKSIZE writes one u32 and reads nothing.
    let size = unsafe { Getter::<DKIOCGETBLOCKSIZE, u32>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    unsafe { ioctl(fd, size) }
}

/// Returns true if a block device is read-only.
pub(crate) fn is_read_only(fd: impl AsFd) -> Result<bool> {
    const DKIOCISWRITABLE: Opcode = opcode::read::<u32>(b'd', 29);
    // SAFETY: DKIOCISWRITABLE writes one u32 and reads nothing.
    let flag = unsafe { Getter::<DKIOCISWRITABLE, u32>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    unsafe { ioctl(fd, flag) }.map(|writable| writable == 0)
}

/// Returns the alignment for reads of `fd` past the page cache: the sector size of a device. For a file, macOS copes with any.
pub(crate) fn direct_alignment(fd: impl AsFd) -> DirectAlignment {
    let Ok(bytes) = sector_size(fd) else {
        return DirectAlignment::Unknown;
    };
    usize::try_from(bytes).map_or(DirectAlignment::Refused, DirectAlignment::Known)
}

/// Does nothing: macOS takes no such advice.
///
/// # Safety
/// As for Linux.
pub(crate) unsafe fn advise_huge_pages(_memory: NonNull<u8>, _len: usize) {}

/// Waits until everything written is on the disk, also in the cache of the disk, which fsync(2) of macOS leaves alone; see `F_FULLFSYNC` in fcntl(2).
pub(crate) fn sync_data(fd: impl AsFd) -> Result<()> {
    match retry_on_intr(|| fs::fcntl_fullfsync(&fd)) {
        // Only HFS+, APFS, FAT and UDF have it; see fcntl(2). A device has a command of its own.
        Err(Errno::NOTSUP | Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL) => {
            retry_on_intr(|| fs::fsync(&fd))?;
            flush_cache_of_disk(fd)
        }
        result => result,
    }
}

/// Flushes the cache of a device. For a file on another file system, fsync(2) is all that macOS offers.
fn flush_cache_of_disk(fd: impl AsFd) -> Result<()> {
    const DKIOCSYNCHRONIZECACHE: Opcode = opcode::none(b'd', 22);
    // SAFETY: DKIOCSYNCHRONIZECACHE takes no argument.
    let flush = unsafe { NoArg::<DKIOCSYNCHRONIZECACHE>::new() };
    // SAFETY: see above.
    match unsafe { ioctl(fd, flush) } {
        // A file, or a disk without a cache.
        Err(Errno::NOTTY | Errno::NOTSUP | Errno::OPNOTSUPP | Errno::INVAL) => Ok(()),
        result => result,
    }
}

pub(crate) fn sync_all(fd: impl AsFd) -> Result<()> {
    sync_data(fd)
}

/// Does nothing: macOS has no way to read a file without a change of its access time.
pub(crate) fn keep_access_time(_fd: impl AsFd) {}

/// Fails: a place in the tree of files cannot be opened.
pub(crate) fn open_place(_path: &Path) -> Result<OwnedFd> {
    Err(Errno::OPNOTSUPP)
}

/// Fails: the capacity of a pipe is up to macOS.
pub(crate) fn grow_pipe(_fd: impl AsFd, _len: usize) -> Result<usize> {
    Err(Errno::OPNOTSUPP)
}

/// Creates a pipe; returns the end to read from and the end to write to.
pub(crate) fn pipe(_len: usize) -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipes::pipe()?;
    // macOS has no pipe2(2). Node starts programs with POSIX_SPAWN_CLOEXEC_DEFAULT there, so none inherits an end meanwhile.
    for end in [&read, &write] {
        io::fcntl_setfd(end, FdFlags::CLOEXEC)?;
    }
    Ok((read, write))
}

/// Fails: there are no files in memory that another process could open.
pub(crate) fn memory_file() -> Result<OwnedFd> {
    Err(Errno::OPNOTSUPP)
}

/// Fails: no process can duplicate a descriptor of another one.
pub(crate) fn duplicate_of(_process: i32, _descriptor: i32) -> Result<OwnedFd> {
    Err(Errno::OPNOTSUPP)
}

/// Opens the terminal of `fd` again and locks it, unless it is locked already.
pub(crate) fn lock_terminal(fd: impl AsFd) -> Result<OwnedFd> {
    let terminal = reopen(fd, OFlags::WRONLY | OFlags::NONBLOCK)?;
    match fs::flock(&terminal, FlockOperation::NonBlockingLockExclusive) {
        // Terminals may have no locks there. Two stages that draw over each other are better than none that draws.
        Ok(()) | Err(Errno::NOTSUP | Errno::OPNOTSUPP | Errno::INVAL) => Ok(terminal),
        Err(errno) => Err(errno),
    }
}

/// Fails: macOS has no leases.
pub(crate) fn is_open_for_writing(_fd: impl AsFd) -> Result<bool> {
    Err(Errno::OPNOTSUPP)
}

/// True if byte-range locks are advisory: those of SMB keep others from the bytes.
pub(crate) fn are_locks_advisory(fd: impl AsFd) -> Result<bool> {
    Ok(!is_on_smb(fd)?)
}

/// True: flock(2) and byte-range locks conflict on every file system of macOS.
#[expect(clippy::unnecessary_wraps, reason = "Linux has to ask")]
pub(crate) fn is_flock_of_bytes(_fd: impl AsFd) -> Result<bool> {
    Ok(true)
}

/// Walks to a file without following links that others than root can have made: not done here.
pub(crate) fn walk(_path: &Path) -> Result<Walked> {
    Err(Errno::OPNOTSUPP)
}

/// Keeps a descriptor open until the process ends. Never called, because [`walk`] finds nothing.
pub(crate) fn kept_path(_fd: OwnedFd) -> PathBuf {
    PathBuf::new()
}

/// Fails: macOS has no files without a name.
pub(crate) fn clone_unnamed(_fd: impl AsFd) -> Result<OwnedFd> {
    Err(Errno::OPNOTSUPP)
}
