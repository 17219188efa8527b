//! Rights to change the metadata of files.

use std::path::Path;

use nix::unistd::{Gid, Uid, getgroups};
use rustix::fs;
use rustix::thread::{CapabilitySet, capabilities};

use super::{Result, file_system_kind};
use crate::sys::located;

/// File systems for which the kernel decides by the owner of a file, and not a server or another program: ext2 to ext4, XFS, Btrfs,
/// tmpfs, ramfs, F2FS, overlayfs; see statfs(2).
const LOCAL: [u32; 7] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0x0102_1994,
    0x8584_58F6,
    0xF2F5_2010,
    0x794C_7630,
];

/// Rights of this thread; see chown(2), chmod(2) and capabilities(7).
#[derive(Debug)]
pub(crate) struct Rights {
    /// User ID of the files that it may change.
    pub(crate) user: u32,
    /// Group ID of the files that it creates, unless their directory decides that.
    pub(crate) group: u32,
    groups: Vec<u32>,
    /// True if it may change the owner of any file (`CAP_CHOWN`).
    pub(crate) gives_any: bool,
    /// True if it may change any file (`CAP_FOWNER`).
    pub(crate) changes_any: bool,
}

impl Rights {
    /// Returns the rights of this thread.
    pub(crate) fn here() -> Result<Self> {
        let effective = capabilities(None)?.effective;
        let group = Gid::effective().as_raw();
        let mut groups = vec![group];
        let more =
            getgroups().map_err(|errno| rustix::io::Errno::from_raw_os_error(errno as i32))?;
        groups.extend(more.into_iter().map(Gid::as_raw));
        Ok(Self {
            user: Uid::effective().as_raw(),
            group,
            groups,
            gives_any: effective.contains(CapabilitySet::CHOWN),
            changes_any: effective.contains(CapabilitySet::FOWNER),
        })
    }

    /// True if the user is a member of that group.
    pub(crate) fn is_in(&self, group: u32) -> bool {
        self.groups.contains(&group)
    }
}

/// True if the kernel alone decides who may change the attributes of a file at `path`.
pub(crate) fn decides_by_owner(path: &Path) -> Result<bool> {
    Ok(LOCAL.contains(&file_system_kind(&fs::statfs(located(path))?)?))
}
