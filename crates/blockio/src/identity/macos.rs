//! Identifying what a descriptor refers to, on macOS: not possible yet.

use rustix::fd::BorrowedFd;

use super::Failure;

/// Fails: the number of a file system changes when it is mounted again, so a digest cache could be used for another file.
pub(super) fn described(_fd: BorrowedFd<'_>) -> Result<String, Failure> {
    Err(Failure::Unknown(
        "on macOS, blockcopy knows no permanent identifier of a file or device".to_owned(),
    ))
}
