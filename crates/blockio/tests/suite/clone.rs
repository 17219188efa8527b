//! Clones of files, which later writes leave alone.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use blockcopy_blockio::{Direct, Error, Source};

use crate::support::{Mount, assert_reads, file_with, in_memory, on_disk, pattern, run_or_skip};

const LEN: usize = 1_000_001;

/// Makes a file system that clones files, and calls `test` with its mount point.
fn on_cloning(kind: &str, size: u64, test: impl Fn(&Path)) {
    let directory = on_disk();
    let image = directory.path().join("image");
    File::create(&image).unwrap().set_len(size).unwrap();
    let image = image.to_str().unwrap();
    if run_or_skip(&format!("mkfs.{kind}"), &["-q", image]).is_none() {
        return;
    }
    let mounted = Mount::new(&["-o", "loop", image], &directory.path().join("mounted"));
    if let Some(mounted) = mounted {
        test(mounted.path());
    }
}

/// Clones a file, changes it, and reads the clone.
fn clone_keeps_what_was_there(directory: &Path, name: &str) {
    let content = pattern(LEN);
    let path = file_with(directory, name, &content);
    let link = on_disk();
    let linked = link.path().join("link");
    symlink(&path, &linked).unwrap();
    let clone = Source::open(&linked, Direct::Auto)
        .unwrap()
        .clone_now(Direct::Auto)
        .unwrap();
    let original = OpenOptions::new().write(true).open(&path).unwrap();
    original.write_all_at(&[0; 4096], 8192).unwrap();
    original.set_len(10_000).unwrap();
    original.sync_all().unwrap();
    assert_eq!(clone.size(), LEN as u64);
    assert_eq!(clone.path(), linked);
    assert_reads(&clone, &content, 0, LEN.next_multiple_of(4096));
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
    fs::remove_file(path).unwrap();
}

#[test]
fn xfs() {
    on_cloning("xfs", 320 << 20, |mounted| {
        clone_keeps_what_was_there(mounted, "file");
    });
}

#[test]
fn btrfs() {
    on_cloning("btrfs", 128 << 20, |mounted| {
        clone_keeps_what_was_there(mounted, "file");
        // A file with the attribute C, as images of virtual machines often have it, in a directory without it.
        let path = mounted.join("image");
        File::create(&path).unwrap();
        if run_or_skip("chattr", &["+C", path.to_str().unwrap()]).is_some() {
            clone_keeps_what_was_there(mounted, "image");
        }
    });
}

#[test]
fn a_file_system_without_clones() {
    let Some(directory) = in_memory() else { return };
    let path = file_with(directory.path(), "file", &pattern(LEN));
    let refused = Source::open(&path, Direct::Auto)
        .unwrap()
        .clone_now(Direct::Auto);
    assert!(matches!(
        refused,
        Err(Error::Io {
            action: "clone",
            ..
        })
    ));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
