//! What a file has beside its content, and what of it a copy can take over.

use nix::errno::Errno as Failure;
use nix::unistd::{Gid, Group, Uid, User};

use crate::Time;
use crate::sys::{Errno, Stat};

/// What a file or device has beside its content; see inode(7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Permission bits with set-user-ID, set-group-ID and sticky: at most `0o7777`.
    pub mode: u32,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// The name of its owner, where one is known.
    pub owner: Option<String>,
    /// The name of its group, where one is known.
    pub group: Option<String>,
    /// When it was last read, as far as the file system keeps that.
    pub accessed: Time,
    /// When its content was last changed.
    pub modified: Time,
}

/// A user or a group that is to own a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its number.
    pub id: u32,
    /// Its name, where one is known: on another machine that has it, it counts more than the number.
    pub name: Option<String>,
}

/// What a file is to have; what is `None` stays as it is. See [`Sink::restore`](crate::Sink::restore).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restore {
    /// Its length in bytes; see ftruncate(2).
    pub size: Option<u64>,
    /// Its owner; see fchown(2).
    pub owner: Option<Owner>,
    /// Its group; see fchown(2).
    pub group: Option<Owner>,
    /// Permission bits with set-user-ID, set-group-ID and sticky, at most `0o7777`; see fchmod(2).
    pub mode: Option<u32>,
    /// When it was last read, and when its content was last changed; see utimensat(2).
    pub times: Option<(Time, Time)>,
}

impl Metadata {
    /// A name that cannot be looked up is as good as none: there is still the number.
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
    /// The number of the user of this name on this machine, or else the number itself; see getpwnam(3).
    pub(crate) fn user(&self) -> Result<u32, Errno> {
        self.local(|name| User::from_name(name).map(|user| user.map(|user| user.uid.as_raw())))
    }

    /// As [`user`](Self::user), of a group; see getgrnam(3).
    pub(crate) fn group(&self) -> Result<u32, Errno> {
        self.local(|name| Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw())))
    }

    fn local(&self, look_up: impl Fn(&str) -> nix::Result<Option<u32>>) -> Result<u32, Errno> {
        let found = match self.name.as_deref().map(look_up) {
            // All four are a way to say that there is none; see getpwnam(3).
            None
            | Some(Err(Failure::ENOENT | Failure::ESRCH | Failure::EBADF | Failure::EPERM)) => None,
            // The number is missing where the C library does not say why.
            Some(Err(Failure::UnknownErrno)) => return Err(Errno::IO),
            Some(Err(failure)) => return Err(Errno::from_raw_os_error(failure as i32)),
            Some(Ok(found)) => found,
        };
        let id = found.unwrap_or(self.id);
        // To fchown(2) that number means to leave it as it is.
        (id != u32::MAX).then_some(id).ok_or(Errno::INVAL)
    }
}
