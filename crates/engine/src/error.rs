//! What can go wrong in the engine.

use std::path::{Path, PathBuf};

use blockcopy_blockio::Shown;
use blockcopy_keccak::Simd;

/// A failure of an operation. The message says what failed and where; what to do about it is for the
/// program to say.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or device could not be opened, read, written or synced.
    #[error(transparent)]
    Io(#[from] blockcopy_blockio::Error),

    /// The file was cut while it was being read.
    #[error(
        "{} became shorter while it was read: its end was expected at offset {size}, and it ends at offset {offset}",
        Shown::path(path)
    )]
    Shrank {
        /// The file.
        path: PathBuf,
        /// Where it ends now, in bytes.
        offset: u64,
        /// Its size when it was opened, in bytes.
        size: u64,
    },

    /// A compressed block does not decode to a block.
    #[error("the compressed block for offset {position} is damaged: {reason}")]
    CorruptBlock {
        /// Where the block belongs, in bytes.
        position: u64,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A block is not the one that its digest came with, so it was not written.
    #[error("the block for offset {position} does not have the digest that came with it")]
    WrongDigest {
        /// Where the block belongs, in bytes.
        position: u64,
    },

    /// A compressed block needs more memory than the decoder may take, or there is none left.
    #[error("the compressor failed on the block at offset {position}: {reason}")]
    Compressor {
        /// Where the block lies, in bytes.
        position: u64,
        /// What it said.
        reason: String,
    },

    /// The threads of the engine could not be started.
    #[error("cannot start {count} {purpose} threads: {source}")]
    Threads {
        /// How many were asked for.
        count: usize,
        /// What they are for.
        purpose: &'static str,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The CPU lacks the instruction set that was asked for.
    #[error("cannot hash with {0}: this CPU does not have it")]
    Simd(Simd),

    /// The caller asked for what cannot be: blocks that do not fit into the slot, or a range outside it.
    #[error("internal error: {0}")]
    Request(&'static str),

    /// A thread of the engine panicked.
    #[error("internal error: a thread of the engine panicked: {0}")]
    Panicked(String),
}

impl Error {
    /// A short name of the kind of failure, stable between releases.
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

    /// The file or device that the failure is about.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io(error) => error.path(),
            Self::Shrank { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Where in that file or device, in bytes.
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

    /// What was being done to the file or device, as a verb: `open`, `read`, `write`.
    #[must_use]
    pub fn action(&self) -> Option<&'static str> {
        match self {
            Self::Io(error) => error.action(),
            Self::Shrank { .. } => Some("read"),
            _ => None,
        }
    }

    /// The error number of the system call that failed.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io(error) => error.errno(),
            _ => None,
        }
    }
}
