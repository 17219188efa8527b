//! What can go wrong between the engine and a file or device.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Errno, Shown};

/// A failure: what could not be done, and where.
///
/// The messages state facts and give no advice, which is the command's to add.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing of this name exists.
    #[error("cannot open {}: {errno}", Shown::path(.path))]
    NotFound {
        /// What was to be opened.
        path: PathBuf,
        /// `ENOENT` or `ENOTDIR`.
        errno: Errno,
    },

    /// It exists and is neither a regular file nor a block device.
    #[error("cannot open {}: it is {what}, not a regular file or a block device", Shown::path(.path))]
    NotAFile {
        /// What was to be opened.
        path: PathBuf,
        /// What it is, with its article: `a directory`.
        what: &'static str,
    },

    /// The kernel does not let this process open it.
    #[error("cannot open {}: {errno}", Shown::path(.path))]
    Permission {
        /// What was to be opened.
        path: PathBuf,
        /// `EACCES` or `EPERM`.
        errno: Errno,
    },

    /// A flag of the file system keeps everybody from writing to it, also root; see chattr(1).
    #[error("cannot write {}: it is {flag}", Shown::path(.path))]
    Sealed {
        /// What was to be written, or the folder that a file was to be made in.
        path: PathBuf,
        /// `immutable (chattr +i)` or `append-only (chattr +a)`.
        flag: &'static str,
    },

    /// A device that is set read-only, or a file on a file system that is.
    #[error("cannot write {}: it is read-only", Shown::path(.path))]
    ReadOnly {
        /// What was to be written.
        path: PathBuf,
    },

    /// Somebody else is using what was to be written.
    #[error("cannot write {}: {holder}", Shown::path(.path))]
    Busy {
        /// What was to be written.
        path: PathBuf,
        /// Who is using it, as a clause: `it is mounted on /srv`.
        holder: String,
    },

    /// Somebody else has locked what was to be written, see flock(2).
    #[error("cannot write {}: it is locked by {holder}", Shown::path(.path))]
    Locked {
        /// What was to be written.
        path: PathBuf,
        /// Who has locked it: `process 4711 (fdisk)`.
        holder: String,
    },

    /// It can only be accessed through the page cache, and that was not wanted.
    #[error("cannot access {} directly: its file system or device does not offer it", Shown::path(.path))]
    NotDirect {
        /// What was to be opened.
        path: PathBuf,
    },

    /// A write would pass the end of a device. Nothing of it was written.
    #[error("cannot write {} at offset {offset}: {len} bytes would pass its end at {size}", Shown::path(.path))]
    BeyondEnd {
        /// The device.
        path: PathBuf,
        /// Where the write would start, bytes.
        offset: u64,
        /// Its length, bytes.
        len: u64,
        /// The size of the device, bytes.
        size: u64,
    },

    /// Nothing is known of a device that would stay the same.
    #[error("cannot tell {} from others: {reason}", Shown::path(.path))]
    NoIdentity {
        /// The device.
        path: PathBuf,
        /// What was looked at, as a clause.
        reason: String,
    },

    /// The kernel reported a failure.
    #[error("cannot {action} {}{}: {errno}", Shown::path(.path), At(*.offset))]
    Io {
        /// What was being done, as a verb: `read`.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The first byte that could not be read or written, where there is one.
        offset: Option<u64>,
        /// Why.
        errno: Errno,
    },

    /// A write returned without an error and without having written anything.
    #[error("cannot write {} at offset {offset}: the kernel took 0 bytes", Shown::path(.path))]
    NothingWritten {
        /// What was being written.
        path: PathBuf,
        /// The first byte not written.
        offset: u64,
    },

    /// What was written could not be brought to the disk, or not all of it.
    #[error("cannot sync {}: {errno}; its content is not known to be on disk", Shown::path(.path))]
    Sync {
        /// What was being written.
        path: PathBuf,
        /// What fdatasync(2) said.
        errno: Errno,
    },

    /// A [`Slab`](crate::Slab) of this shape cannot be allocated.
    #[error("cannot allocate {slots} buffers of {slot_len} bytes")]
    NoMemory {
        /// How many.
        slots: usize,
        /// How long each, bytes.
        slot_len: usize,
    },
}

impl Error {
    /// A stable word for the kind of failure, for programs to match.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::NotAFile { .. } => "not-a-file",
            Self::Permission { .. } => "permission",
            Self::Sealed { .. } => "sealed",
            Self::ReadOnly { .. } => "read-only",
            Self::Busy { .. } => "busy",
            Self::Locked { .. } => "locked",
            Self::NotDirect { .. } => "not-direct",
            Self::BeyondEnd { .. } => "beyond-end",
            Self::NoIdentity { .. } => "no-identity",
            Self::Io { .. } | Self::NothingWritten { .. } => "io",
            Self::Sync { .. } => "sync",
            Self::NoMemory { .. } => "no-memory",
        }
    }

    /// The file or device concerned, as it was named to us.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NotFound { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Permission { path, .. }
            | Self::Sealed { path, .. }
            | Self::ReadOnly { path }
            | Self::Busy { path, .. }
            | Self::Locked { path, .. }
            | Self::NotDirect { path }
            | Self::BeyondEnd { path, .. }
            | Self::NoIdentity { path, .. }
            | Self::Io { path, .. }
            | Self::NothingWritten { path, .. }
            | Self::Sync { path, .. } => Some(path),
            Self::NoMemory { .. } => None,
        }
    }

    /// The first byte that could not be read or written.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::BeyondEnd { offset, .. } | Self::NothingWritten { offset, .. } => Some(*offset),
            Self::Io { offset, .. } => *offset,
            _ => None,
        }
    }

    /// The kernel's error number, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::NotFound { errno, .. }
            | Self::Permission { errno, .. }
            | Self::Io { errno, .. }
            | Self::Sync { errno, .. } => Some(errno.raw()),
            _ => None,
        }
    }

    /// What was being done, as a verb: `open`, `read`, `write`.
    #[must_use]
    pub fn action(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } | Self::NotAFile { .. } | Self::Permission { .. } => Some("open"),
            Self::Io { action, .. } => Some(action),
            Self::Sync { .. } => Some("sync"),
            Self::Sealed { .. }
            | Self::ReadOnly { .. }
            | Self::Busy { .. }
            | Self::Locked { .. }
            | Self::BeyondEnd { .. }
            | Self::NothingWritten { .. } => Some("write"),
            Self::NotDirect { .. } | Self::NoIdentity { .. } | Self::NoMemory { .. } => None,
        }
    }

    /// What a failure to look up or open `path` means.
    pub(crate) fn opening(path: &Path, errno: rustix::io::Errno) -> Self {
        use rustix::io::Errno as E;
        let path = path.to_owned();
        match errno {
            E::NOENT | E::NOTDIR => Self::NotFound {
                path,
                errno: errno.into(),
            },
            E::ACCESS | E::PERM => Self::Permission {
                path,
                errno: errno.into(),
            },
            E::ROFS => Self::ReadOnly { path },
            _ => Self::io("open", &path, None, errno),
        }
    }

    /// What a failure to open `path` for writing, or to make a file in the folder `path`, means.
    pub(crate) fn opening_to_write(path: &Path, errno: rustix::io::Errno) -> Self {
        match crate::sys::write_protection(path) {
            Some(flag) if errno == rustix::io::Errno::PERM => Self::Sealed {
                path: path.to_owned(),
                flag,
            },
            _ => Self::opening(path, errno),
        }
    }

    pub(crate) fn io(
        action: &'static str,
        path: &Path,
        offset: Option<u64>,
        errno: rustix::io::Errno,
    ) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            offset,
            errno: errno.into(),
        }
    }
}

struct At(Option<u64>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |offset| write!(f, " at offset {offset}"))
    }
}
