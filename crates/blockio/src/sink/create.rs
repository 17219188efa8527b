//! Making a file that is missing.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use rustix::fd::OwnedFd;

use crate::Error;
use crate::holders;
use crate::sys::{self, Errno, Stat};

/// The name of a file that was made here.
#[derive(Debug)]
pub(super) struct Made {
    directory: OwnedFd,
    name: OsString,
    stat: Stat,
}

impl Made {
    /// Brings the name to the disk; see fsync(2).
    pub(super) fn sync(&self) -> Result<(), Errno> {
        match sys::sync_all(&self.directory) {
            // Some file systems do not do this with directories.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            failed => failed,
        }
    }

    /// Removes the file if its name still leads to it, it is empty, and no other process writes to it: that one would write to a file
    /// without a name. Success also where it stays for such a reason.
    pub(super) fn remove_if_unused(&self) -> Result<(), Errno> {
        match sys::stat_in(&self.directory, &self.name) {
            Ok(found) if found.same(&self.stat) && found.size == 0 => {
                if holders::has_other_writer(&self.stat) {
                    return Ok(());
                }
                sys::unlink_in(&self.directory, &self.name)
            }
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// Makes an empty file at `path`, which only its owner may read: what is copied may be secret. `None` if there is something by that
/// name, also if it leads nowhere, or if it would be among the devices.
///
/// # Errors
/// What open(2) says.
pub(super) fn create(path: &Path) -> Result<Option<(OwnedFd, Made)>, Error> {
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
        Ok(fd) => {
            let stat = sys::fstat(&fd).map_err(failed)?;
            let made = Made {
                directory,
                name: path.file_name().unwrap_or_default().to_owned(),
                stat,
            };
            Ok(Some((fd, made)))
        }
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
