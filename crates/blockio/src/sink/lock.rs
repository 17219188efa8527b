//! Locking what is written to, so that of several copies to one destination only one runs; see flock(2).

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fd::{AsFd, OwnedFd};

use crate::Error;
use crate::holders;
use crate::sys::{self, Errno};

/// How often to try again.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);

/// How long udev may take, which locks a device while it looks at what is on it: always after somebody has written to it.
const PROBING: Duration = Duration::from_secs(3);

/// Locks a device, for as long as what is returned is open.
///
/// It is open for reading: so it can be locked while somebody else has it exclusively, and udev does not take its end for that of a write.
///
/// # Errors
/// [`Error::Locked`], after a while; or what open(2) and flock(2) say.
pub(super) fn device(path: &Path) -> Result<OwnedFd, Error> {
    let fd = sys::open_for_reading(path).map_err(|errno| Error::opening(path, errno))?;
    acquire(&fd, path, PROBING)?;
    Ok(fd)
}

/// Locks a file, for as long as `fd` and what was duplicated from it are open. It is open for writing: over NFS, that is needed.
///
/// # Errors
/// [`Error::Locked`], or what flock(2) says.
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
