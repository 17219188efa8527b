//! Identifying what a descriptor refers to, on Linux.

use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd};

use super::{Failure, device, file};
use crate::Shown;
use crate::linux::sysfs::SYSFS;
use crate::sys::{self, Errno, FileType};

/// Limit for loop devices on top of each other.
const DEEPEST: usize = 8;

/// Describes the file or device of `fd`; see [`Identity`](super::Identity).
pub(super) fn described(fd: BorrowedFd<'_>) -> Result<String, Failure> {
    layer(fd, 0)
}

/// Describes the file or device of `fd`, below `depth` loop devices: at depth 0, a file with the time of its last change.
fn layer(fd: BorrowedFd<'_>, depth: usize) -> Result<String, Failure> {
    let stat = sys::fstat(fd)?;
    if stat.file_type != FileType::BlockDevice {
        return Ok(match depth {
            0 => file::described_with_change(fd, &stat)?,
            _ => file::described(fd, &stat)?,
        });
    }
    if depth == DEEPEST {
        let reason = format!("more than {DEEPEST} loop devices are on top of each other");
        return Err(Failure::Unknown(reason));
    }
    let number = sys::device_number(stat.device);
    device::described(Path::new(SYSFS), &number, |path| {
        attached(fd, path, depth + 1)
    })
}

/// Describes the backing file or device of the loop device `fd`, which the kernel says is at `path`.
fn attached(fd: BorrowedFd<'_>, path: &Path, depth: usize) -> Result<String, Failure> {
    let unknown = |what: &str| {
        let path = Shown::path(path);
        Failure::Unknown(format!("it is a loop device on {path}, which {what}"))
    };
    let missing =
        |errno: Errno| unknown(&format!("cannot be opened: {}", crate::Errno::from(errno)));
    let backing = sys::loop_backing(fd)?;
    let stat = sys::stat(path).map_err(missing)?;
    // In another mount namespace, or after a deletion, the path refers to another file, which must not be opened.
    if !backing.is(&stat) {
        return Err(unknown("is another file here"));
    }
    let opened = sys::open_to_identify(path).map_err(missing)?;
    if !backing.is(&sys::fstat(&opened)?) {
        return Err(unknown("was replaced just now"));
    }
    layer(opened.as_fd(), depth)
}
