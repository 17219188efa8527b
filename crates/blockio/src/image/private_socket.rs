//! Socket for a server that only this process and its children can reach.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fd::{AsRawFd, OwnedFd};

use crate::Error;
use crate::sys::{self, Errno};

/// Socket that listens and has no name.
#[derive(Debug)]
pub struct PrivateSocket {
    /// The socket, for the server.
    pub listener: OwnedFd,
    /// Place of the socket in the file system, through which clients reach it.
    pub place: OwnedFd,
}

impl PrivateSocket {
    /// Creates it in `folder`, which no other user may enter, and removes its name at once.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn in_folder(folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let failed = |errno| Error::io("create a socket in", folder, None, errno);
        let opened = sys::open_place(folder).map_err(failed)?;
        // Through the descriptor, because the path of a socket has at most 107 bytes.
        let name = PathBuf::from(format!("/proc/self/fd/{}/socket", opened.as_raw_fd()));
        let listener = UnixListener::bind(&name).map_err(|error| failed(errno_of(&error)))?;
        let place = sys::open_place(&name);
        let removed = std::fs::remove_file(&name);
        removed.map_err(|error| failed(errno_of(&error)))?;
        Ok(Self {
            listener: listener.into(),
            place: place.map_err(failed)?,
        })
    }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
