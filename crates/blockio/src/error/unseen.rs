//! The reason for not knowing if a destination is in use.

use std::fmt;

use super::Errno;

/// Reason for not knowing the users of a destination, as a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unseen {
    /// File systems that would tell are not mounted, as in a bare chroot; with a verb: `/proc is`.
    NotMounted(&'static str),
    /// Looking at a file that would tell fails.
    Failed {
        /// The file.
        file: &'static str,
        /// Error number of stat(2).
        errno: Errno,
    },
    /// The file of a loop device, which may be the destination, does not answer.
    SilentLoop {
        /// The loop device.
        node: String,
    },
}

impl Unseen {
    /// Returns the error number of the system call, if one is the reason.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::NotMounted(_) | Self::SilentLoop { .. } => None,
            Self::Failed { errno, .. } => Some(*errno),
        }
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMounted(missing) => write!(f, "{missing} not mounted"),
            Self::SilentLoop { node } => write!(
                f,
                "the server of the file that {node} lies on has not answered for a second"
            ),
            Self::Failed { file, errno } => write!(f, "{file} cannot be looked at: {errno}"),
        }
    }
}
