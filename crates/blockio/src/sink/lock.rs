//! Locking a destination, so that only one copy to it runs at a time; see flock(2).

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fd::{AsFd, OwnedFd};

use crate::Error;
use crate::holders;
use crate::sys::{self, Errno};

/// Interval between attempts.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);

/// Time for udev, which probes a device after every write and locks it meanwhile.
const PROBING: Duration = Duration::from_secs(3);

/// Locks a device for as long as the returned descriptor is open.
///
/// The descriptor is open for reading: so the device can be locked while another process has claimed it, and closing the descriptor does not make udev
/// probe the device.
///
/// # Errors
/// [`Error::Locked`] after some seconds, or the error of open(2) or flock(2).
pub(super) fn device(path: &Path) -> Result<OwnedFd, Error> {
    let fd = sys::open_for_reading(path).map_err(|errno| Error::opening(path, errno))?;
    acquire(&fd, path, PROBING)?;
    Ok(fd)
}

/// Locks a file for as long as `fd` and its duplicates are open. It must be open for writing, for NFS.
///
/// # Errors
/// [`Error::Locked`], or the error of flock(2).
pub(super) fn file(fd: &OwnedFd, path: &Path) -> Result<(), Error> {
    acquire(fd, path, Duration::ZERO)
}

fn acquire(fd: impl AsFd, path: &Path, patience: Duration) -> Result<(), Error> {
    let deadline = Instant::now() + patience;
    loop {
        match sys::lock_exclusively(&fd) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => thread::sleep(INTERVAL),
            Err(Errno::WOULDBLOCK) => return Err(locked(fd, path)),
            Err(errno) => return Err(Error::io("lock", path, None, errno)),
        }
    }
}

fn locked(fd: impl AsFd, path: &Path) -> Error {
    match sys::fstat(fd) {
        Ok(stat) => Error::Locked {
            path: path.to_owned(),
            holder: holders::of_lock(&stat),
        },
        Err(errno) => Error::io("stat", path, None, errno),
    }
}
