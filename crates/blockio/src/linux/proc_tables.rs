//! Tables of processes, mounts, swap areas and locks in /proc.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fd::{AsRawFd, BorrowedFd};

use crate::Shown;

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

/// Lock of flock(2) in /proc/locks; see `proc_locks(5)`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileLock {
    pub(crate) process: u32,
    /// Locked file: `major:minor:inode`, the first two in hexadecimal.
    pub(crate) file: String,
}

/// Returns the processes visible to this one; none if they cannot be listed.
pub(crate) fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries.filter_map(number).collect()
}

/// Returns a process and its ancestors.
pub(crate) fn ancestors(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = process;
    while let Some(parent) = parent(next) {
        // A process ID may be reused while this is read.
        if parent == 0 || found.contains(&parent) {
            break;
        }
        found.push(parent);
        next = parent;
    }
    found
}

fn parent(process: u32) -> Option<u32> {
    status(process, "PPid:")?.parse().ok()
}

/// Returns the user whose rights a process has (its effective user ID).
pub(crate) fn user(process: u32) -> Option<u32> {
    let users = status(process, "Uid:")?;
    users.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Returns a line of `/proc/PID/status`, by the name at its beginning.
fn status(process: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().to_owned())
}

/// Returns the name of a process, as far as it can be read: `process 4711 (fdisk)`.
pub(crate) fn process_name(process: u32) -> String {
    match fs::read(format!("/proc/{process}/comm")) {
        Ok(command) => {
            let command = Shown::bytes(command.trim_ascii_end());
            format!("process {process} ({command})")
        }
        Err(_) => format!("process {process}"),
    }
}

/// Returns the mounts visible to this process; none if they cannot be read.
pub(crate) fn mounts() -> Vec<Mount> {
    parse_mounts(&fs::read("/proc/self/mountinfo").unwrap_or_default())
}

/// Returns the mounts visible to another process: those of its namespace below its root.
pub(crate) fn mounts_of(process: u32) -> Vec<Mount> {
    parse_mounts(&fs::read(format!("/proc/{process}/mountinfo")).unwrap_or_default())
}

/// Returns the files and devices used as swap; none if they cannot be read.
pub(crate) fn swap_areas() -> Vec<PathBuf> {
    parse_swaps(&fs::read("/proc/swaps").unwrap_or_default())
}

/// Returns the locks of flock(2); none if they cannot be read.
pub(crate) fn file_locks() -> Vec<FileLock> {
    parse_file_locks(&fs::read_to_string("/proc/locks").unwrap_or_default())
}

fn parse_mounts(table: &[u8]) -> Vec<Mount> {
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

fn parse_file_locks(table: &str) -> Vec<FileLock> {
    let parse = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        // An arrow here marks a process that waits for a lock.
        (fields.next()? == "FLOCK").then_some(())?;
        let mut fields = fields.skip(2);
        Some(FileLock {
            process: fields.next()?.parse().ok()?,
            file: fields.next()?.to_owned(),
        })
    };
    table.lines().filter_map(parse).collect()
}

fn parse_swaps(table: &[u8]) -> Vec<PathBuf> {
    let lines = table.split(|&byte| byte == b'\n').skip(1);
    lines
        // The kernel escapes these two, but no other white space: a name may have a form feed.
        .filter_map(|line| line.split(|byte| matches!(byte, b' ' | b'\t')).next())
        .filter(|name| !name.is_empty())
        .map(unescape)
        .collect()
}

/// Decodes `\ooo`, which the kernel writes for space, tab, newline and backslash.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        if let (b'\\', Some(escaped)) = (byte, after.first_chunk().copied().and_then(octal)) {
            bytes.push(escaped);
            rest = &after[3..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    OsString::from_vec(bytes).into()
}

fn octal(digits: [u8; 3]) -> Option<u8> {
    // from_str_radix alone would accept a sign.
    digits.iter().all(u8::is_ascii_digit).then_some(())?;
    u8::from_str_radix(str::from_utf8(&digits).ok()?, 8).ok()
}

/// Returns the ID of the mount through which a descriptor was opened; see `proc_pid_fdinfo(5)`.
pub(crate) fn mount_id(fd: BorrowedFd<'_>) -> Option<u32> {
    let table = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    /// Bytes that look like a table in parts, and end anywhere.
    fn hostile_table() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just(&b"36 35 98:0 /mnt1 /srv/a rw master:1 - ext3 /dev/root rw\n"[..]),
            Just(&b"2: FLOCK  ADVISORY  WRITE 4711 00:05:77 0 EOF\n"[..]),
            Just(&b"/dev/dm-1 partition 8388604 0 -2\n"[..]),
            Just(&b"\n"[..]),
            Just(&b" "[..]),
            Just(&b" - "[..]),
            Just(&b"4294967296"[..]),
            Just(&b"\\"[..]),
            Just(&b"\\040"[..]),
            Just(&b"\\400"[..]),
            Just(&b"\xff\0"[..]),
            Just(&b"\xe2\x82\xac"[..]),
        ];
        let part =
            (part, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(part, at, cut)| {
                let end = if cut {
                    at.index(part.len())
                } else {
                    part.len()
                };
                part[..end].to_vec()
            });
        prop::collection::vec(part, 0..20).prop_map(|parts| parts.concat())
    }

    /// Escapes what the kernel escapes; see `mangle_path` in its `fs/seq_file.c`.
    fn escape(path: &[u8]) -> Vec<u8> {
        let byte = |byte: &u8| match byte {
            b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
            _ => vec![*byte],
        };
        path.iter().flat_map(byte).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_table_is_read_line_by_line(one in hostile_table(), other in hostile_table()) {
            let both = [&one[..], b"\n", &other[..]].concat();
            let mut mounts = parse_mounts(&one);
            mounts.extend(parse_mounts(&other));
            prop_assert_eq!(parse_mounts(&both), mounts);
            let [first, second, joined] = [&one, &other, &both].map(|table| String::from_utf8_lossy(table).into_owned());
            let mut locks = parse_file_locks(&first);
            locks.extend(parse_file_locks(&second));
            prop_assert_eq!(parse_file_locks(&joined), locks);
            let mut swaps = parse_swaps(&one);
            swaps.extend(parse_swaps(&[b"\n", &other[..]].concat()));
            prop_assert_eq!(parse_swaps(&both), swaps);
        }

        #[test]
        fn any_path_is_found_in_a_table(path in prop::collection::vec(1..=u8::MAX, 1..40)) {
            let escaped = escape(&path);
            let path = Path::new(std::ffi::OsStr::from_bytes(&path));
            prop_assert_eq!(unescape(&escaped), path);
            let line = [b"36 35 98:0 / ", &escaped[..], b" rw - ext4 ", &escaped[..], b" rw\n"].concat();
            let mounts = parse_mounts(&line);
            prop_assert_eq!(mounts.len(), 1);
            prop_assert_eq!(&mounts[0].mountpoint, path);
            prop_assert_eq!(&mounts[0].source, path);
            let table = [b"Filename Type\n", &escaped[..], b" file 1024 0 -2\n"].concat();
            prop_assert_eq!(parse_swaps(&table), [path]);
        }
    }

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

    #[test]
    fn swap_areas_are_found_below_the_heading() {
        let table = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
            /dev/dm-1                               partition\t8388604\t\t0\t\t-2\n\
            /var/swap\\040file\tfile\t1024\t0\t-3\n";
        assert_eq!(
            parse_swaps(table),
            [Path::new("/dev/dm-1"), Path::new("/var/swap file")]
        );
        assert_eq!(parse_swaps(b""), Vec::<PathBuf>::new());
    }

    #[test]
    fn locks_are_found_among_those_of_other_kinds_and_those_who_wait() {
        let table = "1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF\n\
            2: FLOCK  ADVISORY  WRITE 4711 00:05:77 0 EOF\n\
            2: -> FLOCK  ADVISORY  WRITE 4712 00:05:77 0 EOF\n\
            3: FLOCK  ADVISORY  READ  812 103:02:9 0 EOF\n\
            4: FLOCK  ADVISORY\n";
        let lock = |process, file: &str| FileLock {
            process,
            file: file.to_owned(),
        };
        assert_eq!(
            parse_file_locks(table),
            [lock(4711, "00:05:77"), lock(812, "103:02:9")]
        );
    }

    #[test]
    fn escapes_are_undone_and_the_rest_is_kept() {
        for (field, path) in [
            ("a\\040b", "a b"),
            ("\\011\\012\\134", "\t\n\\"),
            ("a\\", "a\\"),
            ("a\\04", "a\\04"),
            ("a\\+40", "a\\+40"),
            ("a\\999", "a\\999"),
            ("a\\777", "a\\777"),
        ] {
            assert_eq!(unescape(field.as_bytes()), Path::new(path));
        }
    }
}
