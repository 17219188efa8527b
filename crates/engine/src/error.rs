//! Errors of the engine.

use std::path::{Path, PathBuf};

use blockcopy_blockio::Shown;
use blockcopy_keccak::Simd;

/// Failure of an operation. The message says what failed and where; the program adds advice.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or device could not be opened, read, written or synced.
    #[error(transparent)]
    Io(#[from] blockcopy_blockio::Error),

    /// The file was truncated while it was being read.
    #[error(
        "{} became shorter while it was read: its end was expected at offset {size}, and it ends at offset {offset}",
        Shown::path(path)
    )]
    Shrank {
        /// The file.
        path: PathBuf,
        /// Its size now, in bytes.
        offset: u64,
        /// Its size when it was opened, in bytes.
        size: u64,
    },

    /// A compressed block does not decode to a block.
    #[error("the compressed block for offset {position} is damaged: {reason}")]
    CorruptBlock {
        /// Offset of the block, in bytes.
        position: u64,
        /// The defect, as a clause.
        reason: &'static str,
    },

    /// A block has another digest than the one that came with it, so it was not written.
    #[error("the block for offset {position} does not have the digest that came with it")]
    WrongDigest {
        /// Offset of the block, in bytes.
        position: u64,
    },

    /// The compressor has no memory or failed otherwise.
    #[error("the compressor failed on the block at offset {position}: {reason}")]
    Compressor {
        /// Offset of the block, in bytes.
        position: u64,
        /// Message of the compressor.
        reason: String,
    },

    /// The threads of the engine could not be started.
    #[error("cannot start {count} threads for {purpose}: {source}")]
    Threads {
        /// Number of threads.
        count: usize,
        /// Their purpose, as a noun or participle.
        purpose: &'static str,
        /// Error of the system.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The CPU lacks the requested instruction set.
    #[error("cannot hash with {0}: this CPU does not have it")]
    Simd(Simd),

    /// Invalid request: for instance blocks that do not fit into the slot, or a range outside of it.
    #[error("internal error: {0}")]
    Request(&'static str),

    /// A thread of the engine panicked.
    #[error("internal error: a thread of the engine panicked: {0}")]
    Panicked(String),
}

impl Error {
    /// Returns a short name of the kind of failure, stable between releases.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(error) => error.code(),
            Self::Shrank { .. } => "shrank",
            Self::CorruptBlock { .. } => "corrupt-block",
            Self::WrongDigest { .. } => "wrong-digest",
            Self::Compressor { .. } => "no-memory",
            Self::Threads { .. } => "no-threads",
            Self::Simd(_) => "no-simd",
            Self::Request(_) | Self::Panicked(_) => "internal",
        }
    }

    /// Returns the file or device that failed.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io(error) => error.path(),
            Self::Shrank { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Returns the offset in that file or device, in bytes.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Io(error) => error.offset(),
            Self::Shrank { offset, .. } => Some(*offset),
            Self::CorruptBlock { position, .. }
            | Self::WrongDigest { position }
            | Self::Compressor { position, .. } => Some(*position),
            _ => None,
        }
    }

    /// Returns the action that failed, as a verb: `open`, `read`, `write`.
    #[must_use]
    pub fn action(&self) -> Option<&'static str> {
        match self {
            Self::Io(error) => error.action(),
            Self::Shrank { .. } => Some("read"),
            _ => None,
        }
    }

    /// Returns the error number of the system call that failed.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io(error) => error.errno(),
            _ => None,
        }
    }
}
