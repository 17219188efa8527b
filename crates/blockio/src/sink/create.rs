//! Creating files.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use rustix::fd::OwnedFd;

use crate::Error;
use crate::holders;
use crate::sys::{self, Errno, Stat};

/// Name of a file that was created here.
#[derive(Debug)]
pub(super) struct Made {
    directory: OwnedFd,
    name: OsString,
    stat: Stat,
}

impl Made {
    /// Syncs the name to the disk; see fsync(2).
    pub(super) fn sync(&self) -> Result<(), Errno> {
        match sys::sync_all(&self.directory) {
            // Some file systems cannot sync directories.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            failed => failed,
        }
    }

    /// Removes the file if its name still leads to it, it is empty, and no other process writes to it, which would then write to a file
    /// without a name. Otherwise it stays, and this succeeds as well. Other parts of the same copy do not count: the copy has failed.
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

/// Creates an empty file at `path` that only its owner may read, because the content may be secret. Returns `None` if the name exists,
/// even as a dangling symbolic link, or if it would be under /dev.
///
/// # Errors
/// The error of open(2).
pub(super) fn create(path: &Path) -> Result<Option<(OwnedFd, Made)>, Error> {
    let failed = |errno| Error::opening(path, errno);
    let parent = parent_of(path);
    // First, so that a failure leaves no file.
    let directory = sys::open_directory(parent).map_err(failed)?;
    if is_under_dev(parent).map_err(failed)? {
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

/// Returns the directory of the file at `path`.
pub(super) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Fails if [`create`] cannot succeed at `path`, where nothing is found, whoever tries. Changes nothing.
///
/// # Errors
/// [`Error::NotFound`] if the directory does not exist, the name is a dangling symbolic link, or it would be under /dev.
pub(super) fn refuse(path: &Path) -> Result<(), Error> {
    let failed = |errno| Error::opening(path, errno);
    let parent = parent_of(path);
    let directory = sys::open_directory(parent).map_err(failed)?;
    let is_link = sys::stat_in(&directory, path.file_name().unwrap_or_default()).is_ok();
    if is_link || is_under_dev(parent).map_err(failed)? {
        return Err(failed(Errno::NOENT));
    }
    Ok(())
}

/// Returns true for /dev: a file there takes memory until the machine is rebooted, and takes the name of a device that is created later.
/// /dev/shm is a place for files.
fn is_under_dev(directory: &Path) -> Result<bool, Errno> {
    let directory = fs::canonicalize(sys::located(directory))
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(directory.starts_with("/dev") && !directory.starts_with("/dev/shm"))
}
