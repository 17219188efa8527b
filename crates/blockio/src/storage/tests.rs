//! Simulated /sys trees for devices that test machines lack, and text that no other host should send.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::survey::{Place, Survey};
use super::*;

const MIB: u64 = 1 << 20;
const SECTORS: u64 = MIB / 512;

/// Tree like /sys.
struct Tree(TempDir);

impl Tree {
    /// Adds devices: directory below `devices`, number and size in MiB.
    fn new(devices: &[(&str, &str, u64)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        let root = tree.0.path();
        fs::create_dir_all(root.join("dev/block")).unwrap();
        for (directory, number, size) in devices {
            tree.write(directory, "dev", &format!("{number}\n"));
            tree.write(directory, "size", &format!("{}\n", size * SECTORS));
            let target = Path::new("../../devices").join(directory);
            symlink(target, root.join("dev/block").join(number)).unwrap();
        }
        tree
    }

    fn write(&self, directory: &str, name: &str, content: &str) {
        let path = self.0.path().join("devices").join(directory).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Adds a partition at that offset in MiB on its disk.
    fn partition(self, directory: &str, start: u64) -> Self {
        self.write(directory, "partition", "1\n");
        self.write(directory, "start", &format!("{}\n", start * SECTORS));
        self
    }

    /// Stacks one device on another.
    fn stacked(self, upper: &str, lower: &str) -> Self {
        for (of, kind, other) in [(upper, "slaves", lower), (lower, "holders", upper)] {
            let folder = self.0.path().join("devices").join(of).join(kind);
            fs::create_dir_all(&folder).unwrap();
            let name = Path::new(other).file_name().unwrap();
            let target = self.0.path().join("devices").join(other);
            symlink(target, folder.join(name)).unwrap();
        }
        self
    }

    fn storage(&self, number: &str) -> Storage {
        let attached = |_: &Path| None;
        let mut survey = Survey::new(self.0.path(), &[], &attached);
        survey.device(number, None, Place::itself());
        Storage {
            boot: "boot".to_owned(),
            layers: survey.layers,
        }
    }

    fn shared(&self, one: &str, other: &str) -> Option<String> {
        let (one, other) = (self.storage(one), self.storage(other));
        let shared = one.shared_with(&other);
        // The text for the other host has the same meaning.
        let told: Storage = other.to_string().parse().unwrap();
        assert_eq!(one.shared_with(&told), shared);
        // The comparison is symmetric, except for the order of the two.
        assert_eq!(other.shared_with(&one).is_some(), shared.is_some());
        shared.map(|shared| shared.to_string())
    }

    fn assert_shared(&self, one: &str, other: &str, sentence: &str) {
        assert_eq!(self.shared(one, other).as_deref(), Some(sentence));
    }

    fn assert_apart(&self, one: &str, other: &str) {
        assert_eq!(self.shared(one, other), None, "{one} and {other}");
    }
}

fn with_partitions() -> Tree {
    let devices = [
        ("sdb", "8:16", 100),
        ("sdb/sdb1", "8:17", 10),
        ("sdb/sdb2", "8:18", 10),
        ("sdb/sdb3", "8:19", 10),
        ("sdc", "8:32", 100),
    ];
    Tree::new(&devices)
        .partition("sdb/sdb1", 1)
        .partition("sdb/sdb2", 11)
        .partition("sdb/sdb3", 20)
}

#[test]
fn partitions_share_bytes_with_their_disk_and_with_those_that_overlap() {
    let tree = with_partitions();
    tree.assert_shared("8:17", "8:16", "/dev/sdb1 is a partition of /dev/sdb");
    tree.assert_shared("8:16", "8:17", "/dev/sdb1 is a partition of /dev/sdb");
    tree.assert_shared("8:18", "8:18", "/dev/sdb2 and /dev/sdb2 are the same");
    let overlapping = "/dev/sdb2 and /dev/sdb3 share bytes of /dev/sdb";
    tree.assert_shared("8:18", "8:19", overlapping);
    tree.assert_apart("8:17", "8:18");
    tree.assert_apart("8:17", "8:32");
}

#[test]
fn logical_volumes_share_bytes_with_what_they_lie_on_alone() {
    let devices = [
        ("sdb", "8:16", 100),
        ("sdb/sdb1", "8:17", 40),
        ("sdb/sdb2", "8:18", 40),
        ("dm-0", "253:0", 10),
        ("dm-1", "253:1", 10),
        ("dm-2", "253:2", 10),
    ];
    let tree = Tree::new(&devices)
        .partition("sdb/sdb1", 1)
        .partition("sdb/sdb2", 50)
        .stacked("dm-0", "sdb/sdb1")
        .stacked("dm-1", "sdb/sdb1")
        // Encrypted.
        .stacked("dm-2", "dm-1");
    tree.assert_apart("253:0", "253:1");
    tree.assert_apart("253:0", "253:2");
    tree.assert_apart("253:0", "8:18");
    tree.assert_shared("253:0", "8:17", "/dev/dm-0 is built on /dev/sdb1");
    tree.assert_shared("8:16", "253:0", "/dev/dm-0 lies on /dev/sdb");
    tree.assert_shared("253:2", "253:1", "/dev/dm-2 is built on /dev/dm-1");
    tree.assert_shared("253:2", "8:17", "/dev/dm-2 lies on /dev/sdb1");
}

#[test]
fn arrays_and_caches_share_bytes_with_their_members() {
    let devices = [
        ("sdb", "8:16", 100),
        ("sdc", "8:32", 100),
        ("md0", "9:0", 100),
        ("md0/md0p1", "259:0", 10),
        ("bcache0", "252:0", 100),
    ];
    let tree = Tree::new(&devices)
        .partition("md0/md0p1", 1)
        .stacked("md0", "sdb")
        .stacked("md0", "sdc")
        .stacked("bcache0", "md0");
    tree.assert_apart("8:16", "8:32");
    tree.assert_shared("9:0", "8:16", "/dev/md0 is built on /dev/sdb");
    tree.assert_shared("8:32", "9:0", "/dev/md0 is built on /dev/sdc");
    tree.assert_shared("8:32", "259:0", "/dev/md0p1 lies on /dev/sdc");
    tree.assert_shared("252:0", "9:0", "/dev/bcache0 is built on /dev/md0");
    tree.assert_shared("252:0", "8:16", "/dev/bcache0 lies on /dev/sdb");
}

#[test]
fn paths_to_one_disk_are_the_same_bytes() {
    let devices = [
        ("sdb", "8:16", 100),
        ("sdc", "8:32", 100),
        ("dm-0", "253:0", 100),
    ];
    let tree = Tree::new(&devices)
        .stacked("dm-0", "sdb")
        .stacked("dm-0", "sdc");
    tree.assert_apart("8:16", "8:32");
    tree.write("dm-0", "dm/uuid", "mpath-3600a098\n");
    tree.assert_shared("8:16", "253:0", "/dev/dm-0 is built on /dev/sdb");
    tree.assert_shared(
        "8:16",
        "8:32",
        "/dev/sdb and /dev/sdc share bytes of /dev/dm-0",
    );
}

#[test]
fn devices_that_are_built_on_themselves_are_looked_at_once() {
    let devices = [("dm-0", "253:0", 1), ("dm-1", "253:1", 1)];
    let tree = Tree::new(&devices)
        .stacked("dm-0", "dm-1")
        .stacked("dm-1", "dm-0");
    tree.assert_shared("253:0", "253:1", "/dev/dm-1 is built on /dev/dm-0");
}

#[test]
fn without_sysfs_a_device_is_still_itself() {
    let tree = Tree::new(&[]);
    tree.assert_shared("8:16", "8:16", " and  are the same");
    tree.assert_apart("8:16", "8:17");
}

#[test]
fn another_host_shares_nothing() {
    let tree = with_partitions();
    let elsewhere = Storage {
        boot: "other".to_owned(),
        ..tree.storage("8:16")
    };
    assert_eq!(tree.storage("8:16").shared_with(&elsewhere), None);
}

#[test]
fn a_description_fits_whatever_it_is_of() {
    let long = "x".repeat(5000);
    let layer = |place: usize| Layer {
        how: How::Deeper,
        id: format!("8:{place}"),
        extent: 0..u64::MAX,
        exact: place.is_multiple_of(2),
        name: long.clone(),
    };
    for count in [1, 2, 50, 250] {
        let layers: Vec<_> = (0..count).map(layer).collect();
        let storage = Storage {
            boot: "b".repeat(36),
            layers,
        };
        let text = storage.to_string();
        assert!(text.len() <= Storage::MAX_LEN, "{}", text.len());
        let read: Storage = text.parse().unwrap();
        assert!(read.layers.len() >= count.min(50));
    }
}

#[test]
fn text_that_is_no_description_is_refused() {
    let good = "boot itself 8:16 0 - exact /dev/sdb";
    good.parse::<Storage>().unwrap();
    let long = format!("{good}{}", "b".repeat(Storage::MAX_LEN));
    for text in [
        "",
        "boot",
        " itself 8:16 0 - exact /dev/sdb",
        "boot itself 8:16 0 - exact",
        "boot itself 8:16 0 - exact /dev/sdb more",
        "boot itself 8:16 -1 - exact /dev/sdb",
        "boot itself 8:16 0 18446744073709551616 exact /dev/sdb",
        "boot itself 8:16 0 - perhaps /dev/sdb",
        "boot other 8:16 0 - exact /dev/sdb",
        "boot itself 8:16 0 - exact /dev/\x1b[2J",
        "boot itself 8:16 0 - exact /dev/sd\u{85}",
        &long,
    ] {
        assert_eq!(text.parse::<Storage>(), Err(text::NoStorage), "{text:?}");
    }
}
