//! Facts about a failure, by which the program chooses its advice and its exit code.

use std::path::Path;

use super::{Errno, Error, Unseen};
use crate::ExportMap;

impl Error {
    /// Returns a short name of the kind of failure, stable between releases.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::NotAFile { .. } => "not-a-file",
            Self::Permission { .. } => "permission",
            Self::Link { .. } => "link",
            Self::Sealed { .. } => "sealed",
            Self::ReadOnly { .. } => "read-only",
            Self::Busy { .. } => "busy",
            Self::Unseen {
                why: Unseen::SilentLoop { .. },
                ..
            } => "silent-loop",
            Self::Unseen { .. } => "unseen",
            Self::Locked { .. } => "locked",
            Self::NotDirect { .. } => "not-direct",
            Self::BeyondEnd { .. } => "beyond-end",
            Self::NoIdentity { .. } => "no-identity",
            Self::BadUri { .. } => "bad-uri",
            Self::NoExport { is_tls: true, .. } => "no-tls",
            Self::NoExport { .. } => "no-export",
            Self::Untrusted { .. } => "untrusted",
            Self::NoFlush { .. } => "no-flush",
            Self::NoMap { map, .. } => match map {
                ExportMap::DirtyBitmap(_) => "no-bitmap",
                ExportMap::Allocation => "no-allocation",
            },
            Self::Server { .. } => "server",
            Self::Io { .. } | Self::NothingWritten { .. } => "io",
            Self::Sync { .. } => "sync",
            Self::NoMemory { .. } => "no-memory",
        }
    }

    /// Returns the file or device, as the caller named it.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NotFound { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Permission { path, .. }
            | Self::Link { path, .. }
            | Self::Sealed { path, .. }
            | Self::ReadOnly { path }
            | Self::Busy { path, .. }
            | Self::Unseen { path, .. }
            | Self::Locked { path, .. }
            | Self::NotDirect { path }
            | Self::BeyondEnd { path, .. }
            | Self::NoIdentity { path, .. }
            | Self::BadUri { path, .. }
            | Self::NoExport { path, .. }
            | Self::Untrusted { path, .. }
            | Self::NoFlush { path }
            | Self::NoMap { path, .. }
            | Self::Server { path, .. }
            | Self::Io { path, .. }
            | Self::NothingWritten { path, .. }
            | Self::Sync { path, .. } => Some(path),
            Self::NoMemory { .. } => None,
        }
    }

    /// Returns the offset of the first byte that could not be read or written.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::BeyondEnd { offset, .. } | Self::NothingWritten { offset, .. } => Some(*offset),
            Self::Io { offset, .. } | Self::Server { offset, .. } => *offset,
            _ => None,
        }
    }

    /// Returns the error number of the system call, if the failure has one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::NotFound { errno, .. }
            | Self::Permission { errno, .. }
            | Self::Io { errno, .. }
            | Self::Sync { errno, .. } => Some(errno.raw()),
            Self::NoExport { errno, .. } => *errno,
            Self::Unseen { why, .. } => why.errno().map(Errno::raw),
            _ => None,
        }
    }

    /// Returns the action that failed, as a verb: `open`, `read`, `write`.
    #[must_use]
    pub fn action(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. }
            | Self::NotAFile { .. }
            | Self::Permission { .. }
            | Self::Link { .. }
            | Self::NoExport { .. }
            | Self::Untrusted { .. } => Some("open"),
            Self::NoMap { .. } => Some("read"),
            Self::Io { action, .. } | Self::Server { action, .. } => Some(action),
            Self::Sync { .. } => Some("sync"),
            Self::Sealed { .. }
            | Self::ReadOnly { .. }
            | Self::Busy { .. }
            | Self::Unseen { .. }
            | Self::Locked { .. }
            | Self::BeyondEnd { .. }
            | Self::NoFlush { .. }
            | Self::NothingWritten { .. } => Some("write"),
            Self::NotDirect { .. }
            | Self::NoIdentity { .. }
            | Self::BadUri { .. }
            | Self::NoMemory { .. } => None,
        }
    }
}
