//! Metadata of files, and the parts that a copy can preserve.

use nix::errno::Errno as Failure;
use nix::unistd::{Gid, Group, Uid, User};

use crate::Time;
use crate::sys::{Errno, Stat};

/// Metadata of a file or device; see inode(7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Permission bits with set-user-ID, set-group-ID and sticky: at most `0o7777`.
    pub mode: u32,
    /// User ID of its owner.
    pub uid: u32,
    /// Group ID of its group.
    pub gid: u32,
    /// Name of its owner, if known.
    pub owner: Option<String>,
    /// Name of its group, if known.
    pub group: Option<String>,
    /// Time of the last access, as far as the file system records it.
    pub accessed: Time,
    /// Time of the last change of its content.
    pub modified: Time,
}

/// User or group that shall own a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// User ID or group ID.
    pub id: u32,
    /// Name, if known. It takes precedence over the number on a machine that knows the name.
    pub name: Option<String>,
}

/// Metadata to set; anything `None` stays unchanged. See [`Sink::restore`](crate::Sink::restore).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restore {
    /// Length in bytes; see ftruncate(2).
    pub size: Option<u64>,
    /// Owner; see fchown(2).
    pub owner: Option<Owner>,
    /// Group; see fchown(2).
    pub group: Option<Owner>,
    /// Permission bits with set-user-ID, set-group-ID and sticky, at most `0o7777`; see fchmod(2).
    pub mode: Option<u32>,
    /// Times of the last access and of the last change of the content; see utimensat(2).
    pub times: Option<(Time, Time)>,
}

impl Metadata {
    /// Returns the metadata of `stat`. A name that cannot be looked up is `None`: the number is still known.
    pub(crate) fn of(stat: &Stat) -> Self {
        let user = User::from_uid(Uid::from_raw(stat.uid)).ok().flatten();
        let group = Group::from_gid(Gid::from_raw(stat.gid)).ok().flatten();
        Self {
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            owner: user.map(|user| user.name),
            group: group.map(|group| group.name),
            accessed: stat.accessed,
            modified: stat.modified,
        }
    }
}

impl Owner {
    /// Returns the user ID of the name on this machine, or else the number itself; see getpwnam(3).
    pub(crate) fn user(&self) -> Result<u32, Errno> {
        self.local(|name| User::from_name(name).map(|user| user.map(|user| user.uid.as_raw())))
    }

    /// As [`user`](Self::user), for a group; see getgrnam(3).
    pub(crate) fn group(&self) -> Result<u32, Errno> {
        self.local(|name| Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw())))
    }

    fn local(&self, look_up: impl Fn(&str) -> nix::Result<Option<u32>>) -> Result<u32, Errno> {
        let found = match self.name.as_deref().map(look_up) {
            // Any of these four may mean that the name does not exist; see getpwnam(3).
            None
            | Some(Err(Failure::ENOENT | Failure::ESRCH | Failure::EBADF | Failure::EPERM)) => None,
            // The C library has failed without an error number.
            Some(Err(Failure::UnknownErrno)) => return Err(Errno::IO),
            Some(Err(failure)) => return Err(Errno::from_raw_os_error(failure as i32)),
            Some(Ok(found)) => found,
        };
        let id = found.unwrap_or(self.id);
        // To fchown(2) this number means "unchanged".
        (id != u32::MAX).then_some(id).ok_or(Errno::INVAL)
    }
}
