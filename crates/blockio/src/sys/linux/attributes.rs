//! Metadata of files.

use std::path::Path;

use rustix::fs::{self, AtFlags, FileType, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use crate::Time;
use crate::sys::{Stat, located};

/// `AT_STATX_DONT_SYNC` of the kernel's header `linux/fcntl.h`; rustix has it only for glibc.
const DONT_SYNC: AtFlags = AtFlags::from_bits_retain(0x4000);

/// Returns the number of the block device at `path`. A network file system answers from its cache; see
/// `AT_STATX_DONT_SYNC` in statx(2).
pub(crate) fn block_device_at(path: &Path) -> Option<u64> {
    let found = fs::statx(fs::CWD, path, DONT_SYNC, StatxFlags::TYPE);
    let (mode, device) = match found {
        Ok(statx) => {
            let device = fs::makedev(statx.stx_rdev_major, statx.stx_rdev_minor);
            (u32::from(statx.stx_mode), device)
        }
        // A system call filter that is older than statx(2).
        Err(Errno::NOSYS | Errno::PERM) => {
            let stat = fs::stat(path).ok()?;
            (stat.st_mode, stat.st_rdev)
        }
        Err(_) => return None,
    };
    (FileType::from_raw_mode(mode) == FileType::BlockDevice).then_some(device)
}

/// Returns the flag of chattr(1) that forbids writing to `path`, in words. `None` if there is none, or the file system does not report
/// flags.
pub(crate) fn write_protection(path: &Path) -> Option<&'static str> {
    let statx = fs::statx(
        fs::CWD,
        located(path),
        AtFlags::empty(),
        StatxFlags::empty(),
    )
    .ok()?;
    [
        (StatxAttributes::IMMUTABLE, "immutable (chattr +i)"),
        (StatxAttributes::APPEND, "append-only (chattr +a)"),
    ]
    .into_iter()
    .find_map(|(flag, words)| statx.stx_attributes.contains(flag).then_some(words))
}

pub(in crate::sys) fn convert(stat: &fs::Stat) -> Stat {
    // The kernel never reports a second or more.
    let time = |seconds, nanoseconds| Time {
        seconds,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
    };
    Stat {
        file_type: FileType::from_raw_mode(stat.st_mode),
        file_system: stat.st_dev,
        inode: stat.st_ino,
        device: stat.st_rdev,
        // The kernel never reports a negative size.
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}
