//! Finding processes that may write to a source while it is read.

use std::thread;
use std::time::Duration;

use rustix::fd::BorrowedFd;

use crate::holders;
use crate::image::lock as image_lock;
use crate::sys::{self, Errno, FileType, Stat};

/// Longer than a process that only tests a device holds it exclusively.
const LOOKING: Duration = Duration::from_millis(20);

/// See [`Source::writer`](crate::Source::writer).
pub(super) fn of(fd: BorrowedFd<'_>, stat: &Stat) -> Option<String> {
    if stat.file_type == FileType::BlockDevice {
        of_device(fd, stat)
    } else {
        of_file(fd, stat)
    }
}

fn of_device(fd: BorrowedFd<'_>, stat: &Stat) -> Option<String> {
    if sys::is_read_only(fd) == Ok(true) {
        return None;
    }
    holders::writer_of_device(stat.device)
        .or_else(|| holders::loop_that_writes(stat))
        .or_else(|| claimed(fd, stat).then(|| "another process has it open exclusively".to_owned()))
        .or_else(|| image_lock::is_written(fd).then(|| holders::of_image_lock(stat)))
        .or_else(|| holders::other_opener_of_device(stat.device))
}

/// Returns true if a device is claimed, other than by a read-only mount.
fn claimed(fd: BorrowedFd<'_>, stat: &Stat) -> bool {
    let is_claimed = || matches!(sys::reopen_exclusively_for_reading(fd), Err(Errno::BUSY));
    let stays_claimed = || {
        is_claimed() && {
            thread::sleep(LOOKING);
            is_claimed()
        }
    };
    stays_claimed() && holders::of_device(stat.device).is_none()
}

fn of_file(fd: BorrowedFd<'_>, stat: &Stat) -> Option<String> {
    if sys::is_open_for_writing(fd) == Ok(true) {
        let holder = holders::without_claim(stat).ok().flatten();
        return Some(holder.unwrap_or_else(|| "it is open for writing".to_owned()));
    }
    // Locks are also visible over NFS and to users other than the owner, where open descriptors are not.
    image_lock::is_written(fd).then(|| holders::of_image_lock(stat))
}
