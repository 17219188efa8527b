//! System calls: those of POSIX, and one file per operating system for the others.

use crate::Time;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("a sys/ file for this operating system is missing");

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
mod place;
mod posix;

#[cfg(target_os = "linux")]
pub use linux::limit_unsent;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(target_os = "macos")]
pub(crate) use macos::*;
pub(crate) use place::*;
pub use posix::exit_now;
pub(crate) use posix::*;
pub(crate) use rustix::fs::FileType;
pub(crate) use rustix::io::Errno;

/// Required fields of `struct stat`; see stat(3type).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub(crate) file_type: FileType,
    /// Device number of the file system; identifies the file together with `inode`.
    pub(crate) file_system: u64,
    pub(crate) inode: u64,
    /// Device number of a block device.
    pub(crate) device: u64,
    /// Bytes; 0 for a block device.
    pub(crate) size: u64,
    /// Permission bits, at most `0o7777`.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) accessed: Time,
    pub(crate) modified: Time,
    /// Time of the last change of anything: content, size, mode, owner, names; see inode(7).
    pub(crate) changed: Time,
}

impl Stat {
    /// Returns true if both are the same file, or nodes of the same block device.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.file_type == other.file_type
            && if self.file_type == FileType::BlockDevice {
                self.device == other.device
            } else {
                (self.file_system, self.inode) == (other.file_system, other.inode)
            }
    }
}

/// Alignment for direct I/O with a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirectAlignment {
    /// Memory, offset and length must be multiples of this many bytes.
    Known(usize),
    /// Not reported by the kernel.
    Unknown,
    /// Direct I/O is not possible.
    Refused,
}
