//! Errors of files and devices.

use std::fmt;
use std::path::PathBuf;

use crate::ExportMap;

mod errno;
mod facts;
mod shown;
mod translation;
mod unseen;

pub use errno::Errno;
pub use shown::Shown;
pub use unseen::Unseen;

/// Failure of an operation on a file or device.
///
/// The messages state facts; the program adds advice.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path does not exist.
    #[error("cannot open {}: {errno}", Shown::path(.path))]
    NotFound {
        /// The path.
        path: PathBuf,
        /// `ENOENT` or `ENOTDIR`.
        errno: Errno,
    },

    /// The path is neither a regular file nor a block device.
    #[error("cannot open {}: it is {what}, not a regular file or a block device", Shown::path(.path))]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// Its type, with an article: `a directory`.
        what: &'static str,
    },

    /// The kernel refuses this process access.
    #[error("cannot open {}: {errno}", Shown::path(.path))]
    Permission {
        /// The path.
        path: PathBuf,
        /// `EACCES` or `EPERM`.
        errno: Errno,
    },

    /// A symbolic link on the way to the path is not followed, because others than root can have made it.
    #[error("cannot open {}: others than root can change the symbolic link {}", Shown::path(.path), Shown::path(.link))]
    Link {
        /// The path.
        path: PathBuf,
        /// The link.
        link: PathBuf,
    },

    /// A flag of the file system forbids writing, even for root; see chattr(1).
    #[error("cannot write {}: it is {flag}", Shown::path(.path))]
    Sealed {
        /// The file, or the directory in which a file was to be created.
        path: PathBuf,
        /// `immutable (chattr +i)` or `append-only (chattr +a)`.
        flag: &'static str,
    },

    /// The device, or the file system of the file, is read-only.
    #[error("cannot write {}: it is read-only", Shown::path(.path))]
    ReadOnly {
        /// The file or device.
        path: PathBuf,
    },

    /// The destination is in use.
    #[error("cannot write {}: {holder}", Shown::path(.path))]
    Busy {
        /// The file or device.
        path: PathBuf,
        /// The user, as a clause: `it is mounted on /srv`.
        holder: String,
    },

    /// It is unknown whether the destination is in use.
    #[error("cannot write {}: it is unknown whether it is in use, because {why}", Shown::path(.path))]
    Unseen {
        /// The file or device.
        path: PathBuf,
        /// The reason.
        why: Unseen,
    },

    /// Another process has locked the destination; see flock(2).
    #[error("cannot write {}: it is locked by {holder}", Shown::path(.path))]
    Locked {
        /// The file or device.
        path: PathBuf,
        /// Holder of the lock: `process 4711 (fdisk)`.
        holder: String,
    },

    /// Direct I/O is required, and its file system or device does not support it.
    #[error("cannot access {} with direct I/O: its file system or device does not support it", Shown::path(.path))]
    NotDirect {
        /// The path.
        path: PathBuf,
    },

    /// A write would reach beyond the end of a device. Nothing was written.
    #[error("cannot write {} at offset {offset}: {len} bytes would reach beyond its end at {size}", Shown::path(.path))]
    BeyondEnd {
        /// The device.
        path: PathBuf,
        /// Offset of the write, in bytes.
        offset: u64,
        /// Length of the write, in bytes.
        len: u64,
        /// Size of the device, in bytes.
        size: u64,
    },

    /// The device has no property that identifies it permanently.
    #[error("cannot identify {}: {reason}", Shown::path(.path))]
    NoIdentity {
        /// The device.
        path: PathBuf,
        /// The reason, as a clause.
        reason: String,
    },

    /// The name begins like the URI of an export, and cannot be used as one.
    #[error("cannot use {}: {reason}", Shown::path(.path))]
    BadUri {
        /// The name.
        path: PathBuf,
        /// The defect, as a clause.
        reason: String,
    },

    /// The server cannot be reached, or does not offer the export.
    #[error("cannot open {}: {reason}", Shown::path(.path))]
    NoExport {
        /// The URI.
        path: PathBuf,
        /// The reason, as a clause; it may contain text of the server.
        reason: String,
        /// Error number of connect(2), if that has failed.
        errno: Option<i32>,
        /// True if TLS could not be used.
        is_tls: bool,
    },

    /// Another user could change a file that TLS to an export needs.
    #[error("cannot open {}: {reason}", Shown::path(.path))]
    Untrusted {
        /// The URI.
        path: PathBuf,
        /// The file, the reason and the remedy, as clauses.
        reason: String,
    },

    /// A map of an export cannot be read completely.
    #[error("cannot read {map} of {}: {reason}", Shown::path(.path))]
    NoMap {
        /// The URI.
        path: PathBuf,
        /// The map.
        map: ExportMap,
        /// The reason, as a clause.
        reason: String,
    },

    /// The server could lose what was written without a report.
    #[error("cannot write {}: its server offers neither flush nor FUA, so nothing would prove that the copy is on its disk", Shown::path(.path))]
    NoFlush {
        /// The URI.
        path: PathBuf,
    },

    /// The connection to a server failed, and all that was in flight with it.
    #[error("cannot {action} {}{}: {reason}", Shown::path(.path), At(*.offset))]
    Server {
        /// The action that failed, as a verb: `read`.
        action: &'static str,
        /// The URI.
        path: PathBuf,
        /// Offset of the first byte that could not be read or written, if the failure has one.
        offset: Option<u64>,
        /// The reason, as a clause.
        reason: String,
    },

    /// The kernel, or a server, reported a failure.
    #[error("cannot {action} {}{}: {errno}", Shown::path(.path), At(*.offset))]
    Io {
        /// The action that failed, as a verb: `read`.
        action: &'static str,
        /// The file or device.
        path: PathBuf,
        /// Offset of the first byte that could not be read or written, if the failure has one.
        offset: Option<u64>,
        /// Error number of the system call.
        errno: Errno,
    },

    /// A write returned 0 bytes without an error.
    #[error("cannot write {} at offset {offset}: the kernel wrote 0 bytes", Shown::path(.path))]
    NothingWritten {
        /// The file or device.
        path: PathBuf,
        /// Offset of the first byte not written.
        offset: u64,
    },

    /// Written data could not be synced to the disk, or not all of it.
    #[error("cannot sync {}: {errno}; its content is not known to be on disk", Shown::path(.path))]
    Sync {
        /// The file or device.
        path: PathBuf,
        /// Error number of fdatasync(2).
        errno: Errno,
    },

    /// A [`Slab`](crate::Slab) of this size cannot be allocated.
    #[error("cannot allocate {slots} buffers of {slot_len} bytes")]
    NoMemory {
        /// Number of slots.
        slots: usize,
        /// Length of each slot, in bytes.
        slot_len: usize,
    },
}

struct At(Option<u64>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |offset| write!(f, " at offset {offset}"))
    }
}
