//! The locks by which QEMU knows who else uses an image, and by which two copies to one destination know of each other.
//!
//! QEMU locks single bytes of the file or device node (`raw_apply_lock_bytes` in its `block/file-posix.c`): 100 + n says that
//! somebody does n to the image, 200 + n that nobody else may. All of them are shared locks; who wants to know asks whether any is there.

use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::{self, Errno};

/// Somebody does it.
const DONE: u64 = 100;

/// Nobody else may do it.
const KEPT: u64 = 200;

/// Uses of an image: `BLK_PERM_*` of QEMU.
const READ_CONSISTENTLY: u64 = 0;
const WRITE: u64 = 1;
const WRITE_UNCHANGED: u64 = 2;
const RESIZE: u64 = 3;

/// The uses that a copy makes of its destination.
const OURS: [u64; 3] = [READ_CONSISTENTLY, WRITE, RESIZE];

/// The uses that nobody else may make of it meanwhile.
const THEIRS: [u64; 4] = [READ_CONSISTENTLY, WRITE, WRITE_UNCHANGED, RESIZE];

/// Holds the locks of whoever writes to an image, until it is dropped.
#[derive(Debug)]
pub(crate) struct ImageLock {
    _fd: OwnedFd,
}

/// The result of taking the locks.
#[derive(Debug)]
pub(crate) enum Locked {
    /// Nobody else has any, and these are ours. `None` where there are no such locks.
    Ours(Option<ImageLock>),
    /// Somebody else uses it.
    InUse,
}

/// Takes the locks of a writer; with `force`, also next to those of others.
///
/// `fd` is open for reading, and for this alone.
pub(crate) fn take(fd: OwnedFd, force: bool) -> Locked {
    match try_take(&fd, force) {
        Ok(true) => Locked::Ours(Some(ImageLock { _fd: fd })),
        Ok(false) => Locked::InUse,
        // There are file systems without such locks, and servers that keep none. Copying goes on as it did before there were locks.
        Err(_) => Locked::Ours(None),
    }
}

/// True if [`take`] would find that somebody else uses what is at `path`.
pub(crate) fn is_in_use(path: &Path) -> bool {
    let fd = sys::open_for_reading(path);
    fd.and_then(|fd| is_used(&fd)).unwrap_or(false)
}

fn try_take(fd: &OwnedFd, force: bool) -> Result<bool, Errno> {
    if !sys::are_locks_advisory(fd)? {
        return Ok(true);
    }
    // First lock, then look: of two who do so at the same time, at least one sees the other.
    for byte in bytes_of_writer() {
        match sys::share_byte(fd, byte) {
            Ok(()) => {}
            // Only somebody who knows nothing of QEMU has it alone.
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

/// True if a virtual machine or another copy writes to what `fd` has open, as far as locks tell.
pub(crate) fn is_written(fd: BorrowedFd<'_>) -> bool {
    let bytes = [DONE + WRITE, DONE + RESIZE, KEPT + READ_CONSISTENTLY];
    any_locked(fd, bytes.into_iter()).unwrap_or(false)
}
