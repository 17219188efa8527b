//! Identifying a file.

use std::fmt::Display;

use rustix::fd::BorrowedFd;

use crate::Time;
use crate::sys::{self, Errno, Stat};
use crate::text::hexadecimal;

/// Returns `file FILE_SYSTEM INODE[.GENERATION]`; see [`Identity`](super::Identity).
pub(super) fn described(fd: BorrowedFd<'_>, stat: &Stat) -> Result<String, Errno> {
    let inode = followed_by(stat.inode.to_string(), sys::generation(fd));
    Ok(format!("file {} {inode}", file_system(fd)?))
}

/// Returns the same, and the time of the last change.
pub(super) fn described_with_change(fd: BorrowedFd<'_>, stat: &Stat) -> Result<String, Errno> {
    let text = described(fd, stat)?;
    let Time {
        seconds,
        nanoseconds,
    } = stat.changed;
    Ok(format!("{text} {seconds}.{nanoseconds:09}"))
}

fn file_system(fd: BorrowedFd<'_>) -> Result<String, Errno> {
    let Some(uuid) = sys::file_system_uuid(fd) else {
        return Ok(format!("fsid:{:016x}", sys::file_system_id(fd)?));
    };
    let uuid = format!("uuid:{}", hexadecimal(&uuid));
    // A snapshot in the same file system has its own inodes with the same numbers.
    Ok(followed_by(uuid, sys::subvolume(fd)))
}

fn followed_by(word: String, number: Option<impl Display>) -> String {
    match number {
        Some(number) => format!("{word}.{number}"),
        None => word,
    }
}
