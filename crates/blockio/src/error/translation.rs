//! Failures of system calls as errors.

use std::path::Path;

use super::Error;

impl Error {
    /// Translates a failure to look up or open `path`.
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

    /// Translates a failure to open `path` for writing, or to create a file in the directory `path`.
    pub(crate) fn opening_to_write(path: &Path, errno: rustix::io::Errno) -> Self {
        match crate::sys::write_protection(path) {
            Some(flag) if errno == rustix::io::Errno::PERM => Self::Sealed {
                path: path.to_owned(),
                flag,
            },
            _ => Self::opening(path, errno),
        }
    }

    /// Translates any other failure of a system call.
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
