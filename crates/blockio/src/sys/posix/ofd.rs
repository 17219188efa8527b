//! Byte-range locks that belong to an open file description; see `F_OFD_SETLK` in fcntl(2).

use rustix::fd::{AsFd, AsRawFd};
use rustix::io::Errno;

use super::{Result, status};

/// Type of the constants for `l_type`.
#[cfg(target_os = "linux")]
type LockKind = libc::c_int;
#[cfg(target_os = "macos")]
type LockKind = libc::c_short;

/// Takes a shared lock on a byte; `EAGAIN` if another description has an exclusive one.
pub(crate) fn share_byte(fd: impl AsFd, offset: u64) -> Result<()> {
    let mut lock = byte(libc::F_RDLCK, offset)?;
    call(fd, libc::F_OFD_SETLK, &mut lock)
}

/// Takes an exclusive lock on a byte, for which `fd` must be open for writing; `EAGAIN` if another description has a lock on it.
pub(crate) fn lock_byte(fd: impl AsFd, offset: u64) -> Result<()> {
    let mut lock = byte(libc::F_WRLCK, offset)?;
    call(fd, libc::F_OFD_SETLK, &mut lock)
}

/// True if another description has a lock on a byte, shared or exclusive.
pub(crate) fn is_byte_locked(fd: impl AsFd, offset: u64) -> Result<bool> {
    let mut lock = byte(libc::F_WRLCK, offset)?;
    call(fd, libc::F_OFD_GETLK, &mut lock)?;
    Ok(LockKind::from(lock.l_type) != libc::F_UNLCK)
}

#[cfg_attr(target_os = "macos", expect(clippy::useless_conversion))]
fn byte(kind: LockKind, offset: u64) -> Result<libc::flock> {
    Ok(libc::flock {
        l_type: kind.try_into().map_err(|_| Errno::INVAL)?,
        l_whence: libc::SEEK_SET.try_into().map_err(|_| Errno::INVAL)?,
        l_start: offset.try_into().map_err(|_| Errno::OVERFLOW)?,
        l_len: 1,
        l_pid: 0,
    })
}

fn call(fd: impl AsFd, command: libc::c_int, lock: &mut libc::flock) -> Result<()> {
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: these commands read and write one struct flock, which `lock` is.
    status(unsafe { libc::fcntl(fd, command, std::ptr::from_mut(lock)) }.into())
}
