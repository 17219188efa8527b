//! Sockets.

use rustix::fd::{AsFd, AsRawFd};

use super::super::posix::{Result, status};

/// Bytes in a `u32`.
const LEN: libc::socklen_t = 4;

/// Limits the bytes that wait in the kernel before they are sent over a TCP connection; see `TCP_NOTSENT_LOWAT` in tcp(7).
///
/// # Errors
/// Those of setsockopt(2).
pub fn limit_unsent(socket: impl AsFd, bytes: u32) -> Result<()> {
    // SAFETY: the value is a u32 that lives until the call has returned, and `LEN` is its size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NOTSENT_LOWAT,
            (&raw const bytes).cast(),
            LEN,
        )
    };
    status(result.into())
}
