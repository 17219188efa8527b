//! System calls that are the same on every operating system.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFlags, Timespec};
use rustix::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{self, SendFlags};
use rustix::{event, fs, io};

use super::place::{located, reached};
use super::{write_access, write_to_pipe_now};

mod attributes;
mod ofd;

pub(crate) use attributes::*;
pub(crate) use ofd::*;

/// Interval of looking again after poll(2) has returned without an event.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) type Result<T> = std::result::Result<T, Errno>;

pub(super) fn open(path: impl rustix::path::Arg + Copy, flags: OFlags) -> Result<OwnedFd> {
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

/// Opens a name, or the place that takes its place.
pub(super) fn open_named(name: &Path, flags: OFlags) -> Result<OwnedFd> {
    let (path, more) = reached(name);
    open(path, flags | more)
}

/// Creates a file with permissions for its owner only; `EEXIST` if the name exists, even as a dangling symbolic link.
pub(crate) fn create(path: &Path) -> Result<OwnedFd> {
    let flags = write_access() | OFlags::CREATE | OFlags::EXCL;
    open_or_create(located(path), flags, Mode::RUSR | Mode::WUSR)
}

/// Removes a name from a directory; see unlink(2).
pub(crate) fn unlink_in(directory: impl AsFd, name: &OsStr) -> Result<()> {
    fs::unlinkat(directory, name, AtFlags::empty())
}

pub(crate) fn open_directory(path: &Path) -> Result<OwnedFd> {
    open_named(path, OFlags::RDONLY | OFlags::DIRECTORY)
}

pub(crate) fn open_for_reading(path: &Path) -> Result<OwnedFd> {
    open_named(path, OFlags::RDONLY)
}

pub(crate) fn duplicate(fd: impl AsFd) -> Result<OwnedFd> {
    // Not 0, 1 or 2, in case one of them is closed.
    io::fcntl_dupfd_cloexec(fd, 3)
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

/// Converts the result of a system call made through libc: -1 is a failure.
pub(super) fn status(result: libc::c_long) -> Result<()> {
    if result == -1 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    Ok(())
}

/// Duplicates a descriptor of this process by its number, as one that no child inherits; never as 0, 1 or 2. See `F_DUPFD_CLOEXEC` in
/// fcntl(2).
pub(crate) fn duplicate_number(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: the call takes two numbers and touches no memory. A number that is no descriptor is an error.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    status(copy.into())?;
    // SAFETY: the call has just opened it, so nothing else has it or closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Returns true if a descriptor is open for reading and for writing.
pub(crate) fn is_open_for_both(fd: impl AsFd) -> Result<bool> {
    Ok(fs::fcntl_getfl(fd)? & OFlags::RWMODE == OFlags::RDWR)
}

/// Clears `O_NONBLOCK` on the open file description, if it is set.
pub(crate) fn set_blocking(fd: impl AsFd) -> Result<()> {
    let flags = fs::fcntl_getfl(&fd)?;
    if flags.contains(OFlags::NONBLOCK) {
        fs::fcntl_setfl(fd, flags - OFlags::NONBLOCK)?;
    }
    Ok(())
}

/// Waits without a timeout for one of `events` or for the other end to be closed.
pub(crate) fn poll(fd: impl AsFd, events: PollFlags) -> Result<PollFlags> {
    loop {
        let mut fds = [event::PollFd::new(&fd, events)];
        retry_on_intr(|| event::poll(&mut fds, None))?;
        let found = fds[0].revents();
        if !found.is_empty() {
            return Ok(found);
        }
        // macOS wakes up for a file that is no pipe, without an event. That must not look like the end of a pipe.
        thread::sleep(AGAIN);
    }
}

/// Writes to a socket or pipe what fits into it; `EAGAIN` if it is full. The flags of the open file description, which other processes share,
/// do not change.
pub(crate) fn write_now(fd: impl AsFd, data: &[u8]) -> Result<usize> {
    match retry_on_intr(|| net::send(&fd, data, SendFlags::DONTWAIT)) {
        Err(Errno::NOTSOCK) => {}
        sent => return sent,
    }
    match retry_on_intr(|| write_to_pipe_now(&fd, data)) {
        // A container may refuse the call in other ways.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
            write_if_ready(fd, data)
        }
        written => written,
    }
}

/// Writes a few bytes if poll(2) says that there is room. For a pipe, that means room for `PIPE_BUF` bytes, see pipe(7). It waits only if
/// another process has taken that room in the meantime.
fn write_if_ready(fd: impl AsFd, data: &[u8]) -> Result<usize> {
    let mut fds = [event::PollFd::new(&fd, PollFlags::OUT)];
    retry_on_intr(|| event::poll(&mut fds, Some(&Timespec::default())))?;
    if fds[0].revents().is_empty() {
        return Err(Errno::AGAIN);
    }
    let piece = &data[..data.len().min(libc::PIPE_BUF)];
    retry_on_intr(|| io::write(&fd, piece))
}

/// Locks the file of `fd` for as long as its description is open, see flock(2); `EWOULDBLOCK` if another process has locked it.
pub(crate) fn lock_exclusively(fd: impl AsFd) -> Result<()> {
    retry_on_intr(|| fs::flock(&fd, FlockOperation::NonBlockingLockExclusive))
}

/// Ends the process at once, like _exit(2): no exit handlers, no waiting.
///
/// The exit of Node joins the threads of libuv, and one of them may be blocked forever in a read of standard input.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes any number and does not return.
    unsafe { libc::_exit(code) }
}
