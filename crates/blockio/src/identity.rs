//! Which file or device it is, in words that stay the same for as long as it is that one.

use std::fmt;
use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd};

use crate::medium::Medium;
use crate::sys::{self, Errno, FileType};
use crate::{Error, Shown};

mod device;
mod file;
pub(crate) mod text;

/// Where the kernel tells about devices.
const SYSFS: &str = "/sys";

/// Loop devices on loop devices, and what they are on: more than that nobody has.
const DEEPEST: usize = 8;

/// Which file or device it is, across restarts: two are equal if they are the same one, and if it is a file that was not
/// changed in between.
///
/// Of a file, `file FILE_SYSTEM INODE[.GENERATION] CHANGED`:
/// - `FILE_SYSTEM` is `uuid:` and the UUID of the file system in hexadecimal (`FS_IOC_GETFSUUID` in the kernel's
///   `include/uapi/linux/fs.h`, Linux 6.9), with `.` and the number of the subvolume where there are such (`STATX_SUBVOL` in
///   statx(2), Linux 6.10). Without a UUID it is `fsid:` and the `f_fsid` of statfs(2): that of Btrfs tells subvolumes apart as
///   well, that of network file systems may be 0, and that of XFS is the number of the device that is mounted, and so not the
///   same when the device has another.
/// - `INODE` is `st_ino` of stat(3type); `GENERATION` tells files apart that had the same inode one after the other
///   (`FS_IOC_GETVERSION` in the same header), where the file system keeps it.
/// - `CHANGED` is `st_ctime` of stat(3type), seconds and nanoseconds: every write, every change of the length, the mode, the
///   owner or the names sets it, and no system call can set it back; see inode(7).
///
/// Of a block device, `device KIND VALUE`, from what sysfs(5) knows of it, the first of these that there is:
/// - `dm UUID`: `dm/uuid`, of a logical volume, a LUKS volume or a multipath device;
/// - `wwid WWID`: `wwid` of an `NVMe` namespace, `device/wwid` of a SCSI or ATA disk;
/// - `serial SERIAL`: `serial` of a virtio disk, which whoever set the machine up chose;
/// - `loop OFFSET ` and what it is attached to, a file without `CHANGED`; OFFSET in bytes; see loop(4);
/// - `md UUID`: `md/uuid` of an array.
///
/// A partition is the disk it is on, ` partition START`, its first sector of 512 bytes, and its own UUID if it has one.
///
/// # Limits
/// Nothing of a device says whether it was written to. Of a file, these changes are not seen: one in the same tick of the clock
/// (10 ms at most) as the one before, where the file system has no finer one; one through a shared mapping into a page that was
/// already dirty, see mmap(2); one after the clock of the machine was set back to the very nanosecond; and one whose content
/// reached the disk before a crash when its time did not, because fdatasync(2) need not write that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// No identity has more bytes.
    pub const MAX_LEN: usize = 1024;

    /// Printable ASCII, at most [`MAX_LEN`](Self::MAX_LEN) bytes. Words are separated by single spaces; a byte of a name that is a
    /// space, a backslash or not printable is `\x` and two hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of what `medium` is; `path` is what it was opened by.
    pub(crate) fn of(medium: &dyn Medium, path: &Path) -> Result<Self, Error> {
        let found = medium.descriptor().map_err(Failure::Kernel);
        let found = found.and_then(|fd| described(fd, true, 0));
        let text = found.and_then(short_enough);
        text.map(Self).map_err(|failure| failure.at(path))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no identity.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The kernel reported a failure.
    Kernel(Errno),
    /// Nothing is known; what was looked at, as a clause.
    Unknown(String),
}

impl Failure {
    fn at(self, path: &Path) -> Error {
        match self {
            Self::Kernel(errno) => Error::io("identify", path, None, errno),
            Self::Unknown(reason) => Error::NoIdentity {
                path: path.to_owned(),
                reason,
            },
        }
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

/// `changes`: when a file was changed belongs to it. `depth`: so many loop devices are on top of it.
fn described(fd: BorrowedFd<'_>, changes: bool, depth: usize) -> Result<String, Failure> {
    let stat = sys::fstat(fd)?;
    if stat.file_type != FileType::BlockDevice {
        return Ok(file::described(fd, &stat, changes)?);
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

/// What the loop device `fd` is attached to, which the kernel says is at `path`.
fn attached(fd: BorrowedFd<'_>, path: &Path, depth: usize) -> Result<String, Failure> {
    let unknown = |what: &str| {
        let path = Shown::path(path);
        Failure::Unknown(format!("it is a loop device on {path}, which {what}"))
    };
    let missing =
        |errno: Errno| unknown(&format!("cannot be opened: {}", crate::Errno::from(errno)));
    let backing = sys::loop_backing(fd)?;
    let stat = sys::stat(path).map_err(missing)?;
    // In another mount namespace, or once it was deleted, the path leads to something else; nor is that to be opened.
    if !backing.is(&stat) {
        return Err(unknown("is another file here"));
    }
    let opened = sys::open_to_identify(path).map_err(missing)?;
    if !backing.is(&sys::fstat(&opened)?) {
        return Err(unknown("was replaced just now"));
    }
    described(opened.as_fd(), false, depth)
}

/// Cut off, it could be equal to another one.
fn short_enough(text: String) -> Result<String, Failure> {
    if text.len() > Identity::MAX_LEN {
        let reason = format!(
            "what is known of it is longer than {} bytes",
            Identity::MAX_LEN
        );
        return Err(Failure::Unknown(reason));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_refused_and_not_cut_off() {
        let longest = "x".repeat(Identity::MAX_LEN);
        assert_eq!(short_enough(longest.clone()), Ok(longest.clone()));
        let failure = short_enough(longest + "x").unwrap_err();
        assert_eq!(
            failure.at(Path::new("/dev/sda")).to_string(),
            "cannot tell /dev/sda from others: what is known of it is longer than 1024 bytes"
        );
    }
}
