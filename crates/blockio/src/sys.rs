//! Everything that talks to the kernel directly, one file per operating system.

use crate::Time;

#[cfg(not(target_os = "linux"))]
compile_error!(
    "blockcopy knows only Linux so far: a sys/ file for this operating system is missing"
);

#[cfg(target_os = "linux")]
mod linux;

pub use linux::exit_now;
pub(crate) use linux::*;
pub(crate) use rustix::fs::FileType;
pub(crate) use rustix::io::Errno;

/// What we need of `struct stat`; see stat(3type).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub(crate) file_type: FileType,
    /// Together with `inode`: which file it is.
    pub(crate) file_system: u64,
    pub(crate) inode: u64,
    /// Of a block device: which device it is.
    pub(crate) device: u64,
    /// Bytes; 0 for a block device.
    pub(crate) size: u64,
    /// Permission bits, at most `0o7777`.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) accessed: Time,
    pub(crate) modified: Time,
    /// When anything of it was last changed: content, size, mode, owner, names; see inode(7).
    pub(crate) changed: Time,
}

impl Stat {
    /// Whether both are the same file, or nodes of the same block device.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.file_type == other.file_type
            && if self.file_type == FileType::BlockDevice {
                self.device == other.device
            } else {
                (self.file_system, self.inode) == (other.file_system, other.inode)
            }
    }
}

/// Whether and how a descriptor can be read past the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirectAlignment {
    /// Memory, offset and length must be multiples of this many bytes.
    Known(usize),
    /// The kernel does not say.
    Unknown,
    /// It cannot.
    Refused,
}
