//! Mounts, as /proc shows them.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fd::{AsRawFd, BorrowedFd};

use super::proc_tables::unescape;

/// Line of /proc/self/mountinfo; see `proc_pid_mountinfo(5)`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Identifies the mount; `mnt_id` of `proc_pid_fdinfo(5)`.
    pub(crate) id: u32,
    /// `major:minor`; not that of a device for file systems that span several.
    pub(crate) device_number: String,
    pub(crate) mountpoint: PathBuf,
    /// `ext4`, `nfs4`; see `/proc/filesystems`.
    pub(crate) file_system: String,
    /// Device or other source that was mounted; not always a path.
    pub(crate) source: PathBuf,
    /// True if the file system is mounted read-only.
    pub(crate) read_only: bool,
}

/// File systems that answer a question about a file without asking a server or another process.
const LOCAL: [&str; 14] = [
    "bcachefs", "btrfs", "devtmpfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs",
    "rootfs", "squashfs", "tmpfs", "xfs",
];

impl Mount {
    /// True if a question about one of its files is answered at once: it asks neither a server nor another process, which may be gone.
    pub(crate) fn is_local(&self) -> bool {
        LOCAL.contains(&self.file_system.as_str())
    }
}

/// Returns the mount that a path leads through, as far as its names tell. Asks no file system: links are not followed.
pub(crate) fn mount_at<'a>(path: &Path, mounts: &'a [Mount]) -> Option<&'a Mount> {
    let above = mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.mountpoint));
    // Of those with the same mountpoint, the last one hides the others.
    above.max_by_key(|mount| mount.mountpoint.as_os_str().len())
}

/// Returns the mounts visible to this process; none if they cannot be read.
pub(crate) fn all() -> Vec<Mount> {
    parse_mounts(&fs::read("/proc/self/mountinfo").unwrap_or_default())
}

/// Returns the mounts visible to another process: those of its namespace below its root.
pub(crate) fn of(process: u32) -> Vec<Mount> {
    parse_mounts(&fs::read(format!("/proc/{process}/mountinfo")).unwrap_or_default())
}

/// Returns the ID of the mount through which a descriptor was opened; see `proc_pid_fdinfo(5)`.
pub(crate) fn mount_id(fd: BorrowedFd<'_>) -> Option<u32> {
    let table = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim().parse().ok()
}

pub(super) fn parse_mounts(table: &[u8]) -> Vec<Mount> {
    table
        .split(|&byte| byte == b'\n')
        .filter_map(parse_mount)
        .collect()
}

fn parse_mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device_number = str::from_utf8(fields.nth(1)?).ok()?.to_owned();
    let mountpoint = unescape(fields.nth(1)?);
    // A hyphen ends the optional fields; the type of the file system, the source and the options follow.
    let mut fields = fields.skip_while(|field| *field != b"-");
    let file_system = str::from_utf8(fields.nth(1)?).ok()?.to_owned();
    let source = unescape(fields.next()?);
    let mut options = fields.next()?.split(|&byte| byte == b',');
    Some(Mount {
        id,
        device_number,
        mountpoint,
        file_system,
        source,
        read_only: options.any(|option| option == b"ro"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_with_and_without_optional_fields() {
        let table = b"36 35 98:0 /mnt1 /srv/a rw,noatime master:1 shared:2 - ext3 /dev/root rw\n\
            37 35 0:44 / /srv/b\\040c\\134d rw - btrfs /dev/sd\\040x rw\n\
            38 35 0:45 / /proc rw - proc proc rw\n\
            39 35 7:1 / /srv/e rw - ext4 /dev/loop1 errors=remount-ro,ro\n\
            truncated line\n";
        let mount = |id, number: &str, mountpoint: &str, file_system: &str, source: &str| Mount {
            id,
            device_number: number.to_owned(),
            mountpoint: mountpoint.into(),
            file_system: file_system.to_owned(),
            source: source.into(),
            read_only: source == "/dev/loop1",
        };
        assert_eq!(
            parse_mounts(table),
            [
                mount(36, "98:0", "/srv/a", "ext3", "/dev/root"),
                mount(37, "0:44", "/srv/b c\\d", "btrfs", "/dev/sd x"),
                mount(38, "0:45", "/proc", "proc", "proc"),
                mount(39, "7:1", "/srv/e", "ext4", "/dev/loop1"),
            ]
        );
    }

    fn mount(mountpoint: &str, file_system: &str) -> Mount {
        Mount {
            id: 1,
            device_number: "0:44".to_owned(),
            mountpoint: mountpoint.into(),
            file_system: file_system.to_owned(),
            source: "host:/srv".into(),
            read_only: false,
        }
    }

    #[test]
    fn no_file_system_that_may_have_to_ask_a_server_is_local() {
        for remote in [
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "fuse",
            "fuse.sshfs",
            "fuse.ext4",
            "fuseblk",
            "9p",
            "ceph",
            "afs",
            "lustre",
            "gpfs",
            "autofs",
            "",
            "ext4 ",
        ] {
            assert!(!mount("/srv", remote).is_local(), "{remote}");
        }
        for local in ["tmpfs", "devtmpfs", "ext4", "xfs", "overlay"] {
            assert!(mount("/srv", local).is_local(), "{local}");
        }
    }

    #[test]
    fn a_path_leads_through_the_last_mount_on_the_deepest_of_its_folders() {
        let mounts = [
            mount("/", "ext4"),
            mount("/srv", "xfs"),
            mount("/srv/a", "nfs4"),
            mount("/srv/b", "nfs4"),
            mount("/srv/b", "tmpfs"),
        ];
        for (path, file_system) in [
            ("/srv/a/disk", "nfs4"),
            ("/srv/a", "nfs4"),
            ("/srv/ab/disk", "xfs"),
            ("/srv/b/disk", "tmpfs"),
            ("/disk", "ext4"),
        ] {
            let found = mount_at(Path::new(path), &mounts).unwrap();
            assert_eq!(found.file_system, file_system, "{path}");
        }
        assert_eq!(mount_at(Path::new("disk"), &mounts), None);
    }
}
