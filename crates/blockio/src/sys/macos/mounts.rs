//! Mounted file systems.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fd::AsFd;
use rustix::fs;

use super::{Errno, status};
use crate::sys::posix::Result;

/// Mounted file system; see getfsstat(2).
#[derive(Debug)]
pub(crate) struct Mount {
    /// Device or other source that was mounted; not always a path.
    pub(crate) source: PathBuf,
    pub(crate) mountpoint: PathBuf,
    pub(crate) read_only: bool,
}

/// File systems that may be mounted between counting and listing them.
const SLACK: usize = 16;

/// Returns all mounted file systems, without waiting for servers.
pub(crate) fn mounts() -> Result<Vec<Mount>> {
    // SAFETY: without a buffer, it counts and writes nothing.
    let count = unsafe { libc::getfsstat(std::ptr::null_mut(), 0, libc::MNT_NOWAIT) };
    status(count.into())?;
    let count = usize::try_from(count).map_err(|_| Errno::IO)? + SLACK;
    let mut found: Vec<libc::statfs> = Vec::with_capacity(count);
    let bytes = count * size_of::<libc::statfs>();
    let bytes = libc::c_int::try_from(bytes).map_err(|_| Errno::OVERFLOW)?;
    // SAFETY: the memory has room for that many bytes.
    let filled = unsafe { libc::getfsstat(found.as_mut_ptr(), bytes, libc::MNT_NOWAIT) };
    status(filled.into())?;
    let filled = usize::try_from(filled).map_err(|_| Errno::IO)?;
    // SAFETY: the system call has filled in the first `filled` of them, which are not more than there is room for.
    unsafe { found.set_len(filled.min(count)) };
    Ok(found.iter().map(converted).collect())
}

fn converted(mount: &libc::statfs) -> Mount {
    let read_only = libc::MNT_RDONLY.cast_unsigned();
    Mount {
        source: path_of(&mount.f_mntfromname),
        mountpoint: path_of(&mount.f_mntonname),
        read_only: mount.f_flags & read_only != 0,
    }
}

fn path_of(text: &[libc::c_char]) -> PathBuf {
    let bytes: Vec<u8> = text.iter().map(|byte| byte.cast_unsigned()).collect();
    let text = CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
    Path::new(OsStr::from_bytes(text.to_bytes())).to_owned()
}

/// True if the file of `fd` is on SMB.
pub(super) fn is_on_smb(fd: impl AsFd) -> Result<bool> {
    Ok(path_of(&fs::fstatfs(fd)?.f_fstypename) == Path::new("smbfs"))
}
