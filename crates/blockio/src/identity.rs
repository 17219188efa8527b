//! Permanent identifiers of files and devices.

use std::fmt;
use std::path::Path;

use crate::Error;
use crate::medium::Medium;
use crate::sys::Errno;

#[cfg(target_os = "linux")]
mod device;
#[cfg(target_os = "linux")]
mod file;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
mod settled;

#[cfg(target_os = "linux")]
use linux::described;
#[cfg(target_os = "macos")]
use macos::described;

/// Identifier of a file or device that survives reboots. Two are equal if they are of the same device, or of the same file without a
/// change in between.
///
/// For a file, `file FILE_SYSTEM INODE[.GENERATION] CHANGED`:
/// - `FILE_SYSTEM` is `uuid:` and the UUID of the file system in hexadecimal (`FS_IOC_GETFSUUID` in the kernel's
///   `include/uapi/linux/fs.h`, Linux 6.9), with `.` and the number of the subvolume if there are subvolumes (`STATX_SUBVOL` in
///   statx(2), Linux 6.10). Without a UUID it is `fsid:` and the `f_fsid` of statfs(2): it differs between subvolumes of Btrfs,
///   may be 0 for network file systems, and for XFS it is the number of the mounted device, which may change.
/// - `INODE` is `st_ino` of stat(3type); `GENERATION` distinguishes files that had the same inode one after the other
///   (`FS_IOC_GETVERSION` in the same header), if the file system records it.
/// - `CHANGED` is `st_ctime` of stat(3type), seconds and nanoseconds: every write and every change of the length, the mode,
///   the owner or the names sets it, and no system call can set it back; see inode(7).
///
/// For a block device, `device KIND VALUE`, from the first of these attributes in sysfs(5) that exists:
/// - `dm UUID`: `dm/uuid`, of a logical volume, a LUKS volume or a multipath device;
/// - `wwid WWID`: `wwid` of an `NVMe` namespace, `device/wwid` of a SCSI or ATA disk;
/// - `serial SERIAL`: `serial` of a virtio disk, chosen by the administrator of the virtual machine;
/// - `loop OFFSET ` and the identifier of the backing file, without `CHANGED`, or device; OFFSET in bytes; see loop(4);
/// - `md UUID`: `md/uuid` of an array.
///
/// For a partition, the identifier of its disk, ` partition START` with its first sector of 512 bytes, and its own UUID if it has one.
///
/// # Limits
/// For a device, writes are not detected. For a file, these changes are not detected: a change through a shared mapping into a page that
/// was already dirty, see mmap(2); a change after the clock of the machine was set back to the same nanosecond; a change on the server of
/// a network file system whose clock is not that of this host, in the same step of its clock as the previous one; and a change whose content
/// reached the disk before a crash but whose time did not, because fdatasync(2) need not write the time.
///
/// Nor is a change in the same step of the clock as the previous one: 10 ms at most, and up to two seconds where the file system keeps times
/// in seconds. An identity that is [settled](crate::Source::settled_identity) has waited for the next step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// Limit for the length in bytes.
    pub const MAX_LEN: usize = 1024;

    /// Returns the text: printable ASCII, at most [`MAX_LEN`](Self::MAX_LEN) bytes, words separated by single spaces. A byte of a name that
    /// is a space, a backslash or not printable is escaped as `\x` and two hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Waits until the next change of a file will change its identity.
    pub(crate) fn settle(medium: &dyn Medium, path: &Path) -> Result<(), Error> {
        match medium.descriptor() {
            Ok(fd) => settled::settle(fd).map_err(|errno| Failure::Kernel(errno).at(path)),
            Err(_) => Ok(()),
        }
    }

    /// Identifies `medium`, which was opened by `path`.
    pub(crate) fn of(medium: &dyn Medium, path: &Path) -> Result<Self, Error> {
        if medium.export().is_some() {
            let reason = "an export of a server has no permanent identifier".to_owned();
            return Err(Failure::Unknown(reason).at(path));
        }
        let found = medium.descriptor().map_err(Failure::Kernel);
        let found = found.and_then(|fd| described(fd));
        let text = found.and_then(short_enough);
        text.map(Self).map_err(|failure| failure.at(path))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reason for having no identity.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The kernel reported a failure.
    Kernel(Errno),
    /// There is no permanent identifier; the reason, as a clause.
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

/// Refuses a text that is too long: if it were cut off, it could equal another one.
fn short_enough(text: String) -> Result<String, Failure> {
    if text.len() > Identity::MAX_LEN {
        let reason = format!("its identifier is longer than {} bytes", Identity::MAX_LEN);
        return Err(Failure::Unknown(reason));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_refused_and_not_cut_off() {
        let longest = "x".repeat(Identity::MAX_LEN);
        assert_eq!(short_enough(longest.clone()), Ok(longest.clone()));
        let failure = short_enough(longest + "x").unwrap_err();
        assert_eq!(
            failure.at(Path::new("/dev/sda")).to_string(),
            "cannot identify /dev/sda: its identifier is longer than 1024 bytes"
        );
    }
}
