//! Locks by which QEMU notices other users of an image, and two copies to one destination notice each other.
//!
//! QEMU locks single bytes of the file or device node (`raw_apply_lock_bytes` in its `block/file-posix.c`): 100 + n means that a process
//! has permission n for the image, 200 + n that no other process may have it. All of them are shared locks; a user tests if any exists.

use std::path::Path;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::sys::{self, Errno};

/// Offset of the byte for a permission that a process has.
const DONE: u64 = 100;

/// Offset of the byte for a permission that no other process may have.
const KEPT: u64 = 200;

/// Permissions for an image: `BLK_PERM_*` of QEMU.
const READ_CONSISTENTLY: u64 = 0;
const WRITE: u64 = 1;
const WRITE_UNCHANGED: u64 = 2;
const RESIZE: u64 = 3;

/// Permissions that a copy has for its destination.
const OURS: [u64; 3] = [READ_CONSISTENTLY, WRITE, RESIZE];

/// Permissions that no other process may have meanwhile.
const THEIRS: [u64; 4] = [READ_CONSISTENTLY, WRITE, WRITE_UNCHANGED, RESIZE];

/// Locks of a writer of an image, released when dropped.
#[derive(Debug)]
pub(crate) struct ImageLock {
    fd: OwnedFd,
}

impl AsRawFd for ImageLock {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Result of taking the locks.
#[derive(Debug)]
pub(crate) enum Locked {
    /// The locks are taken. `None` if the file system has no such locks.
    Ours(Option<ImageLock>),
    /// Another process uses the image.
    InUse,
}

/// Handling of conflicting locks of other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflicts {
    /// No lock is taken.
    Refused,
    /// The locks are taken all the same.
    Ignored,
}

/// Takes the locks of a writer.
///
/// `fd` must be open for reading and serve no other purpose.
pub(crate) fn take(fd: OwnedFd, conflicts: Conflicts) -> Locked {
    match try_take(&fd, conflicts) {
        Ok(true) => Locked::Ours(Some(ImageLock { fd })),
        Ok(false) => Locked::InUse,
        // Some file systems and servers do not support such locks. Copying continues without them.
        Err(_) => Locked::Ours(None),
    }
}

/// True if [`take`] would find that another process uses the image at `path`.
pub(crate) fn is_in_use(path: &Path) -> bool {
    let fd = sys::open_for_reading(path);
    fd.and_then(|fd| is_used(&fd)).unwrap_or(false)
}

fn try_take(fd: &OwnedFd, conflicts: Conflicts) -> Result<bool, Errno> {
    if !sys::are_locks_advisory(fd)? {
        return Ok(true);
    }
    let force = conflicts == Conflicts::Ignored;
    // Lock first, then look: of two processes that do so at the same time, at least one sees the other.
    for byte in bytes_of_writer() {
        match sys::share_byte(fd, byte) {
            Ok(()) => {}
            // Only a program that does not follow QEMU takes an exclusive lock.
            Err(Errno::AGAIN | Errno::ACCESS) if force => {}
            Err(Errno::AGAIN | Errno::ACCESS) => return Ok(false),
            Err(errno) => return Err(errno),
        }
    }
    Ok(force || !is_used(fd)?)
}

fn is_used(fd: &OwnedFd) -> Result<bool, Errno> {
    let done = THEIRS.map(|what| DONE + what);
    let kept = OURS.map(|what| KEPT + what);
    any_locked(fd, done.into_iter().chain(kept))
}

fn bytes_of_writer() -> impl Iterator<Item = u64> {
    let done = OURS.map(|what| DONE + what);
    done.into_iter().chain(THEIRS.map(|what| KEPT + what))
}

fn any_locked(fd: impl AsFd, bytes: impl Iterator<Item = u64>) -> Result<bool, Errno> {
    for byte in bytes {
        if sys::is_byte_locked(&fd, byte)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True if a virtual machine or another copy has locks for writing on the file or device of `fd`.
pub(crate) fn is_written(fd: BorrowedFd<'_>) -> bool {
    let bytes = [DONE + WRITE, DONE + RESIZE, KEPT + READ_CONSISTENTLY];
    any_locked(fd, bytes.into_iter()).unwrap_or(false)
}
