//! Finding out by a lease if a file is open for writing; see `F_SETLEASE` in fcntl(2).

use rustix::fd::{AsFd, AsRawFd};
use rustix::fs;
use rustix::io::Errno;

use super::{Result, reopen_for_reading, status};

/// Signal that reports a conflict with a lease; see `F_SETSIG` in fcntl(2).
const F_SETSIG: libc::c_int = 10;

/// Network file systems, whose leases do not cover other descriptors of this host: NFS and three of SMB.
const OF_NETWORKS: [u32; 4] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42];

/// Returns true if the regular file of `fd` is open or mapped for writing anywhere on this host.
///
/// Fails if that cannot be found out: the file belongs to another user, or its file system has no leases.
pub(crate) fn is_open_for_writing(fd: impl AsFd) -> Result<bool> {
    // A read lease needs a description that is open only for reading, and ends when that is closed.
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

/// Takes a read lease; `EAGAIN` if the file is open for writing.
fn take_lease(fd: impl AsFd) -> Result<()> {
    let fd = fd.as_fd().as_raw_fd();
    // A process that opens the file for writing meanwhile waits until the lease ends, and this process gets a signal. The default, SIGIO,
    // would end it; this one is ignored by default.
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

    use super::*;
    use crate::sys::open_for_reading;

    fn is_written(path: &Path) -> Result<bool> {
        is_open_for_writing(open_for_reading(path).unwrap())
    }

    #[test]
    fn a_file_that_is_open_for_writing_is_detected() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(is_written(file.path()), Ok(true));
        let path = file.into_temp_path();
        assert_eq!(is_written(&path), Ok(false));
        let _reader = File::open(&path).unwrap();
        assert_eq!(is_written(&path), Ok(false));
    }

    #[test]
    fn a_process_that_wants_to_write_meanwhile_does_not_end_this_one() {
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
    fn a_file_without_leases_is_an_error() {
        assert_eq!(is_written(Path::new("/dev/null")), Err(Errno::INVAL));
    }
}
