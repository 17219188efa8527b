//! What a file has beside its content.

use std::ffi::OsStr;
use std::path::Path;

use rustix::fd::AsFd;
use rustix::fs::{
    self, AtFlags, FileType, Gid, Mode, StatxAttributes, StatxFlags, Timespec, Timestamps, Uid,
};
use rustix::io::{Errno, retry_on_intr};

use super::Result;
use crate::Time;
use crate::sys::Stat;

pub(crate) fn stat(path: &Path) -> Result<Stat> {
    fs::stat(path).map(|stat| convert(&stat))
}

/// What has the name `name` in a directory; a symbolic link is not followed.
pub(crate) fn stat_in(directory: impl AsFd, name: &OsStr) -> Result<Stat> {
    fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| convert(&stat))
}

pub(crate) fn fstat(fd: impl AsFd) -> Result<Stat> {
    fs::fstat(fd).map(|stat| convert(&stat))
}

/// `AT_STATX_DONT_SYNC` of the kernel's header `linux/fcntl.h`; rustix has it only for glibc.
const DONT_SYNC: AtFlags = AtFlags::from_bits_retain(0x4000);

/// The number of the block device that `path` leads to. A file system that would ask a server answers from memory; see
/// `AT_STATX_DONT_SYNC` in statx(2).
pub(crate) fn block_device_at(path: &Path) -> Option<u64> {
    let found = fs::statx(fs::CWD, path, DONT_SYNC, StatxFlags::TYPE);
    let (mode, device) = match found {
        Ok(statx) => {
            let device = fs::makedev(statx.stx_rdev_major, statx.stx_rdev_minor);
            (u32::from(statx.stx_mode), device)
        }
        // A filter of system calls that is older than statx(2).
        Err(Errno::NOSYS | Errno::PERM) => {
            let stat = fs::stat(path).ok()?;
            (stat.st_mode, stat.st_rdev)
        }
        Err(_) => return None,
    };
    (FileType::from_raw_mode(mode) == FileType::BlockDevice).then_some(device)
}

/// The flag of chattr(1) that keeps everybody from writing to `path`, in words. `None` where there is none, or where the file system does not
/// report any.
pub(crate) fn write_protection(path: &Path) -> Option<&'static str> {
    let statx = fs::statx(fs::CWD, path, AtFlags::empty(), StatxFlags::empty()).ok()?;
    [
        (StatxAttributes::IMMUTABLE, "immutable (chattr +i)"),
        (StatxAttributes::APPEND, "append-only (chattr +a)"),
    ]
    .into_iter()
    .find_map(|(flag, words)| statx.stx_attributes.contains(flag).then_some(words))
}

fn convert(stat: &fs::Stat) -> Stat {
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

/// See fchown(2); what is `None` stays as it is.
pub(crate) fn set_owner(fd: impl AsFd, user: Option<u32>, group: Option<u32>) -> Result<()> {
    retry_on_intr(|| fs::fchown(&fd, user.map(Uid::from_raw), group.map(Gid::from_raw)))
}

/// See fchmod(2).
pub(crate) fn set_mode(fd: impl AsFd, mode: u32) -> Result<()> {
    if mode & !0o7777 != 0 {
        return Err(Errno::INVAL);
    }
    retry_on_intr(|| fs::fchmod(&fd, Mode::from_raw_mode(mode)))
}

/// See futimens(3); an `EINVAL` for a time that is none.
pub(crate) fn set_times(fd: impl AsFd, accessed: Time, modified: Time) -> Result<()> {
    let times = Timestamps {
        last_access: timespec(accessed)?,
        last_modification: timespec(modified)?,
    };
    retry_on_intr(|| fs::futimens(&fd, &times))
}

fn timespec(time: Time) -> Result<Timespec> {
    // Beyond that there are numbers with a meaning of their own, such as UTIME_NOW.
    if time.nanoseconds >= 1_000_000_000 {
        return Err(Errno::INVAL);
    }
    Ok(Timespec {
        tv_sec: time.seconds,
        tv_nsec: time.nanoseconds.into(),
    })
}
