//! Locks of network file systems.

use rustix::fd::AsFd;
use rustix::fs;

use super::Result;

/// SMB, where only the descriptor that holds the lock can write to the locked bytes.
const MANDATORY: [u32; 3] = [0x517B, 0xFF53_4D42, 0xFE53_4D42];

/// NFS; see flock(2).
const NFS: u32 = 0x6969;

/// True if byte-range locks are advisory.
pub(crate) fn are_locks_advisory(fd: impl AsFd) -> Result<bool> {
    Ok(!MANDATORY.contains(&kind_of(fd)?))
}

/// True if flock(2) locks all bytes as well.
pub(crate) fn is_flock_of_bytes(fd: impl AsFd) -> Result<bool> {
    Ok(kind_of(fd)? == NFS)
}

fn kind_of(fd: impl AsFd) -> Result<u32> {
    super::file_system_kind(&fs::fstatfs(fd)?)
}
