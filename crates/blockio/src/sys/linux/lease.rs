//! Whether somebody has a file open for writing, as a lease tells; see `F_SETLEASE` in fcntl(2).

use rustix::fd::{AsFd, AsRawFd};
use rustix::fs;
use rustix::io::Errno;

use super::{Result, reopen_for_reading, status};

/// Which signal says that a lease is in somebody's way; see `F_SETSIG` in fcntl(2).
const F_SETSIG: libc::c_int = 10;

/// File systems that answer for what this host has from a server, not for who has a file open: NFS, and three of SMB.
const OF_NETWORKS: [u32; 4] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42];

/// Whether the regular file that `fd` has open is open for writing anywhere on this host, or mapped so.
///
/// An error where nobody can tell: the file is somebody else's, or its file system has no leases.
pub(crate) fn is_open_for_writing(fd: impl AsFd) -> Result<bool> {
    // A lease to read is for descriptions that are open for reading alone, and gone when they are closed.
    let fd = reopen_for_reading(&fd)?;
    let kind = u32::try_from(fs::fstatfs(&fd)?.f_type & 0xFFFF_FFFF);
    if kind.is_ok_and(|kind| OF_NETWORKS.contains(&kind)) {
        return Err(Errno::OPNOTSUPP);
    }
    match take_lease(&fd) {
        Ok(()) => Ok(false),
        Err(Errno::AGAIN) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// Takes a lease to read; `EAGAIN` if the file is open for writing.
fn take_lease(fd: impl AsFd) -> Result<()> {
    let fd = fd.as_fd().as_raw_fd();
    // Whoever opens the file for writing meanwhile waits until the lease is gone, and we are sent a signal: SIGIO, which would end the
    // process, unless it is another one. This one is ignored where nobody asked for it.
    // SAFETY: F_SETSIG takes a number of a signal and touches no memory of ours.
    status(unsafe { libc::fcntl(fd, F_SETSIG, libc::SIGURG) }.into())?;
    // SAFETY: F_SETLEASE takes a number and touches no memory of ours.
    status(unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) }.into())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use super::super::open_for_reading;
    use super::*;

    fn is_written(path: &Path) -> Result<bool> {
        is_open_for_writing(open_for_reading(path).unwrap())
    }

    #[test]
    fn a_file_that_is_open_for_writing_is_told_from_others() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(is_written(file.path()), Ok(true));
        let path = file.into_temp_path();
        assert_eq!(is_written(&path), Ok(false));
        let _reader = File::open(&path).unwrap();
        assert_eq!(is_written(&path), Ok(false));
    }

    #[test]
    fn somebody_who_wants_to_write_meanwhile_does_not_end_the_process() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let fd = open_for_reading(&path).unwrap();
        take_lease(&fd).unwrap();
        let write = || {
            let mut options = File::options();
            options
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&path)
        };
        let refused = write().unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EWOULDBLOCK));
        drop(fd);
        write().unwrap();
    }

    #[test]
    fn what_has_no_leases_is_not_known() {
        assert_eq!(is_written(Path::new("/dev/null")), Err(Errno::INVAL));
    }
}
