//! Rights to change the metadata of files.

use nix::unistd::{Gid, Uid, getgroups};
use rustix::fd::AsFd;
use rustix::thread::{CapabilitySet, capabilities};

use super::{Result, kind_of};

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
        let mut groups = vec![Gid::effective().as_raw()];
        let more =
            getgroups().map_err(|errno| rustix::io::Errno::from_raw_os_error(errno as i32))?;
        groups.extend(more.into_iter().map(Gid::as_raw));
        Ok(Self {
            user: Uid::effective().as_raw(),
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

/// True if the kernel alone decides who may change the attributes of a file there.
pub(crate) fn decides_by_owner(fd: impl AsFd) -> Result<bool> {
    Ok(LOCAL.contains(&kind_of(fd)?))
}
