//! Identifying a file.

use std::fmt::Display;

use rustix::fd::BorrowedFd;

use super::text::hexadecimal;
use crate::Time;
use crate::sys::{self, Errno, Stat};

/// Returns `file FILE_SYSTEM INODE[.GENERATION]`, and with `changes`, the time of its last change; see [`Identity`](super::Identity).
pub(super) fn described(fd: BorrowedFd<'_>, stat: &Stat, changes: bool) -> Result<String, Errno> {
    let inode = followed_by(stat.inode.to_string(), sys::generation(fd));
    let text = format!("file {} {inode}", file_system(fd)?);
    let Time {
        seconds,
        nanoseconds,
    } = stat.changed;
    Ok(if changes {
        format!("{text} {seconds}.{nanoseconds:09}")
    } else {
        text
    })
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
