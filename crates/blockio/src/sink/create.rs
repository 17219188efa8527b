//! Making a file that is missing.

use std::fs;
use std::path::Path;

use rustix::fd::OwnedFd;

use crate::Error;
use crate::sys::{self, Errno};

/// A file that was not there before.
pub(super) struct Created {
    pub(super) fd: OwnedFd,
    /// What its name is in, to be synced with it.
    pub(super) directory: OwnedFd,
}

/// Makes an empty file at `path`, which only its owner may read: what is copied may be secret. `None` if there is something by that
/// name, also if it leads nowhere, or if it would be among the devices.
///
/// # Errors
/// What open(2) says.
pub(super) fn create(path: &Path) -> Result<Option<Created>, Error> {
    let failed = |errno| Error::opening(path, errno);
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // First, so that no file is left behind that could not be synced.
    let directory = sys::open_directory(parent).map_err(failed)?;
    if is_among_devices(parent).map_err(failed)? {
        return Ok(None);
    }
    match sys::create(path) {
        Ok(fd) => Ok(Some(Created { fd, directory })),
        Err(Errno::EXIST) => Ok(None),
        Err(Errno::PERM) => Err(match Error::opening_to_write(parent, Errno::PERM) {
            sealed @ Error::Sealed { .. } => sealed,
            _ => failed(Errno::PERM),
        }),
        Err(errno) => Err(failed(errno)),
    }
}

/// A file there takes memory until the machine is started anew, and hides from whoever makes the device. /dev/shm is a place
/// for files.
fn is_among_devices(directory: &Path) -> Result<bool, Errno> {
    let directory = fs::canonicalize(directory)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(directory.starts_with("/dev") && !directory.starts_with("/dev/shm"))
}
