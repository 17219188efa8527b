//! Byte-range locks that belong to an open file description; see `F_OFD_SETLK` in fcntl(2).

use rustix::fd::{AsFd, AsRawFd};
use rustix::fs;

use rustix::io::Errno;

use super::{Result, status};

/// SMB, where only the descriptor that holds the lock can write to the locked bytes.
const MANDATORY: [u32; 3] = [0x517B, 0xFF53_4D42, 0xFE53_4D42];

/// NFS; see flock(2).
const NFS: u32 = 0x6969;

/// Takes a shared lock on a byte; `EAGAIN` if another description has an exclusive one.
pub(crate) fn share_byte(fd: impl AsFd, offset: u64) -> Result<()> {
    let mut lock = byte(libc::F_RDLCK, offset)?;
    call(fd, libc::F_OFD_SETLK, &mut lock)
}

/// True if another description has a lock on a byte, shared or exclusive.
pub(crate) fn is_byte_locked(fd: impl AsFd, offset: u64) -> Result<bool> {
    let mut lock = byte(libc::F_WRLCK, offset)?;
    call(fd, libc::F_OFD_GETLK, &mut lock)?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

/// True if byte-range locks are advisory.
pub(crate) fn are_locks_advisory(fd: impl AsFd) -> Result<bool> {
    Ok(!MANDATORY.contains(&kind_of(fd)?))
}

/// True if flock(2) locks all bytes as well.
pub(crate) fn is_flock_of_bytes(fd: impl AsFd) -> Result<bool> {
    Ok(kind_of(fd)? == NFS)
}

/// Returns the magic number of the file system; see statfs(2).
pub(super) fn kind_of(fd: impl AsFd) -> Result<u32> {
    let kind = fs::fstatfs(fd)?.f_type & 0xFFFF_FFFF;
    u32::try_from(kind).map_err(|_| Errno::OVERFLOW)
}

fn byte(kind: libc::c_int, offset: u64) -> Result<libc::flock> {
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
