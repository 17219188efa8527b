//! Rights to change the metadata of files.

use std::path::Path;

use nix::unistd::{Gid, Uid};

use crate::sys::posix::Result;

/// Rights of this process; see chown(2) and chmod(2).
#[derive(Debug)]
pub(crate) struct Rights {
    /// User ID of the files that it may change.
    pub(crate) user: u32,
    /// Group ID of the files that it creates, unless their directory decides that.
    pub(crate) group: u32,
    /// True if it may change the owner of any file.
    pub(crate) gives_any: bool,
    /// True if it may change any file.
    pub(crate) changes_any: bool,
}

impl Rights {
    /// Returns the rights of this process: those of root are all.
    #[expect(clippy::unnecessary_wraps, reason = "Linux has to ask")]
    pub(crate) fn here() -> Result<Self> {
        let user = Uid::effective();
        Ok(Self {
            user: user.as_raw(),
            group: Gid::effective().as_raw(),
            gives_any: user.is_root(),
            changes_any: user.is_root(),
        })
    }

    /// True if the user may be a member of that group: a directory service decides, so only trying can tell.
    #[expect(clippy::unused_self, reason = "Linux looks at the groups")]
    pub(crate) fn is_in(&self, _group: u32) -> bool {
        true
    }
}

/// False: a volume of macOS may ignore owners, so only trying can tell.
#[expect(clippy::unnecessary_wraps, reason = "Linux has to ask")]
pub(crate) fn decides_by_owner(_path: &Path) -> Result<bool> {
    Ok(false)
}
