//! Metadata of files.

use std::ffi::OsStr;
use std::path::Path;

use rustix::fd::AsFd;
use rustix::fs::{self, AtFlags, Gid, Mode, RawMode, Timespec, Timestamps, Uid};
use rustix::io::{Errno, retry_on_intr};

use super::Result;
use crate::Time;
use crate::sys::place::reached;
use crate::sys::{Stat, convert};

pub(crate) fn stat(path: &Path) -> Result<Stat> {
    let (path, flags) = reached(path);
    let stat = if flags.contains(fs::OFlags::NOFOLLOW) {
        fs::lstat(path)
    } else {
        fs::stat(path)
    };
    stat.map(|stat| convert(&stat))
}

/// Returns the status of `name` in a directory; does not follow a symbolic link.
pub(crate) fn stat_in(directory: impl AsFd, name: &OsStr) -> Result<Stat> {
    fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| convert(&stat))
}

pub(crate) fn fstat(fd: impl AsFd) -> Result<Stat> {
    fs::fstat(fd).map(|stat| convert(&stat))
}

/// Sets owner and group; `None` stays unchanged. See fchown(2).
pub(crate) fn set_owner(fd: impl AsFd, user: Option<u32>, group: Option<u32>) -> Result<()> {
    retry_on_intr(|| fs::fchown(&fd, user.map(Uid::from_raw), group.map(Gid::from_raw)))
}

/// Sets the permission bits; see fchmod(2).
pub(crate) fn set_mode(fd: impl AsFd, mode: u32) -> Result<()> {
    let mode = Mode::from_bits(RawMode::try_from(mode).map_err(|_| Errno::INVAL)?);
    let mode = mode.filter(|mode| mode.bits() & !0o7777 == 0);
    retry_on_intr(|| fs::fchmod(&fd, mode.ok_or(Errno::INVAL)?))
}

/// Sets the times; `EINVAL` for an invalid time. See futimens(3).
pub(crate) fn set_times(fd: impl AsFd, accessed: Time, modified: Time) -> Result<()> {
    let times = Timestamps {
        last_access: timespec(accessed)?,
        last_modification: timespec(modified)?,
    };
    retry_on_intr(|| fs::futimens(&fd, &times))
}

fn timespec(time: Time) -> Result<Timespec> {
    // Larger numbers have special meanings, such as UTIME_NOW.
    if time.nanoseconds >= 1_000_000_000 {
        return Err(Errno::INVAL);
    }
    Ok(Timespec {
        tv_sec: time.seconds,
        tv_nsec: time.nanoseconds.into(),
    })
}
