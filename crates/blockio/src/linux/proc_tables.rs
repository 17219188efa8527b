//! Tables of swap areas and locks in /proc.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Lock of flock(2) in /proc/locks; see `proc_locks(5)`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileLock {
    pub(crate) process: u32,
    /// Locked file: `major:minor:inode`, the first two in hexadecimal.
    pub(crate) file: String,
}

/// Returns the files and devices used as swap; none if they cannot be read.
pub(crate) fn swap_areas() -> Vec<PathBuf> {
    parse_swaps(&fs::read("/proc/swaps").unwrap_or_default())
}

/// Returns the locks of flock(2); none if they cannot be read.
pub(crate) fn file_locks() -> Vec<FileLock> {
    parse_file_locks(&fs::read_to_string("/proc/locks").unwrap_or_default())
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
pub(super) fn unescape(field: &[u8]) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::mounts::parse_mounts;
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
