//! Metadata of files.

use std::path::Path;

use rustix::fs::{self, FileType};

use crate::Time;
use crate::sys::Stat;

/// Returns the flag of chflags(1) that forbids writing to `path`, in words; `None` without such a flag.
pub(crate) fn write_protection(path: &Path) -> Option<&'static str> {
    let flags = fs::stat(path).ok()?.st_flags;
    [
        (libc::UF_IMMUTABLE, "immutable (chflags uchg)"),
        (libc::SF_IMMUTABLE, "immutable (chflags schg)"),
        (libc::UF_APPEND, "append-only (chflags uappnd)"),
        (libc::SF_APPEND, "append-only (chflags sappnd)"),
    ]
    .into_iter()
    .find_map(|(flag, words)| (flags & flag != 0).then_some(words))
}

pub(in crate::sys) fn convert(stat: &fs::Stat) -> Stat {
    // The kernel never reports a second or more.
    let time = |seconds, nanoseconds: i64| Time {
        seconds,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
    };
    Stat {
        file_type: FileType::from_raw_mode(stat.st_mode),
        file_system: device(stat.st_dev),
        inode: stat.st_ino,
        device: device(stat.st_rdev),
        // The kernel never reports a negative size.
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: u32::from(stat.st_mode) & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// Returns the number of a device, whose highest bit is no sign.
fn device(number: libc::dev_t) -> u64 {
    u64::from(number.cast_unsigned())
}
