//! Clones of files, which share their bytes with the original until one of the two is changed.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, IFlags, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::{Result, proc_path, reopen_for_reading};

/// Clones a file (`FICLONE`, see `ioctl_ficlone(2)`) into a file without a name in the same directory, which the kernel removes with its
/// last descriptor. Returns a descriptor for reading the clone.
///
/// The clone is of one moment: the file system keeps writers out while it is made.
pub(crate) fn clone_unnamed(fd: impl AsFd) -> Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let directory = directory_of(&fd)?;
    let clone = retry_on_intr(|| fs::open(&directory, flags, Mode::RUSR | Mode::WUSR))?;
    keep_out_of_cow(&fd, &clone);
    retry_on_intr(|| fs::ioctl_ficlone(&clone, &fd))?;
    // A descriptor that cannot write: the clone is read-only from here on.
    reopen_for_reading(&clone)
}

/// Returns the directory that a file is in, whatever links have led to it.
fn directory_of(fd: impl AsFd) -> Result<PathBuf> {
    let link = fs::readlink(proc_path(fd), Vec::new())?;
    let path = PathBuf::from(OsString::from_vec(link.into_bytes()));
    let directory = path.parent().filter(|directory| directory.is_absolute());
    directory.map(Path::to_owned).ok_or(Errno::NOENT)
}

/// Sets the attribute `C` of chattr(1) if the original has it: btrfs clones only between files that agree on it. Has no effect on other
/// file systems. If it cannot be set, cloning says so.
fn keep_out_of_cow(original: impl AsFd, clone: impl AsFd) {
    let has_it = |flags: IFlags| flags.contains(IFlags::NOCOW);
    if fs::ioctl_getflags(original).is_ok_and(has_it)
        && let Ok(flags) = fs::ioctl_getflags(&clone)
    {
        let _ = fs::ioctl_setflags(clone, flags | IFlags::NOCOW);
    }
}
