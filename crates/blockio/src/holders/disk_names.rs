//! Names of disks and partitions on macOS: those of partitions are that of their disk, an `s` and a number.

/// Returns the name of a mounted device in a sentence about the device called `name`; `None` if the two share nothing.
pub(crate) fn relation(name: &str, mounted: &str) -> Option<String> {
    if mounted == name {
        Some("it".to_owned())
    } else if is_part(mounted, name) {
        Some(format!("its partition {mounted}"))
    } else if is_part(name, mounted) {
        Some(format!("its disk {mounted}"))
    } else {
        None
    }
}

fn is_part(part: &str, whole: &str) -> bool {
    let rest = part.strip_prefix(whole);
    rest.is_some_and(|rest| rest.starts_with('s'))
}

#[cfg(test)]
mod tests {
    use super::relation;

    #[test]
    fn a_mount_of_a_partition_or_its_disk_is_one_of_the_device() {
        for (name, mounted, expected) in [
            ("/dev/disk2", "/dev/disk2", Some("it")),
            (
                "/dev/disk2",
                "/dev/disk2s1",
                Some("its partition /dev/disk2s1"),
            ),
            ("/dev/disk2s1", "/dev/disk2", Some("its disk /dev/disk2")),
            // A snapshot of APFS is mounted instead of its volume.
            (
                "/dev/disk3s1",
                "/dev/disk3s1s1",
                Some("its partition /dev/disk3s1s1"),
            ),
            ("/dev/disk2", "/dev/disk21", None),
            ("/dev/disk2s1", "/dev/disk2s2", None),
            ("/dev/disk2s1", "/dev/disk2s12", None),
            ("/dev/disk2", "map auto_home", None),
        ] {
            assert_eq!(
                relation(name, mounted).as_deref(),
                expected,
                "{name} {mounted}"
            );
        }
    }
}
