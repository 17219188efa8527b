//! Holes of real files.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use blockcopy_blockio::{Direct, Source};

use crate::support::{
    LoopDevice, Mount, allocated, assert_reads, file_with, in_memory, on_disk, pattern, read,
};

const MIB: u64 = 1 << 20;

/// 64 KiB of data, a hole up to 1 MiB, 5000 bytes of data, and a hole up to 3 MiB.
fn sparse(directory: &Path) -> PathBuf {
    let path = file_with(directory, "sparse", &pattern(65_536));
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&pattern(5000), MIB).unwrap();
    file.set_len(3 * MIB).unwrap();
    file.sync_all().unwrap();
    path
}

fn open(path: &Path) -> Source {
    Source::open(path, Direct::Auto).unwrap()
}

fn find_holes(directory: &Path) {
    let path = sparse(directory);
    assert!(allocated(&path) < MIB);
    let source = open(&path);
    assert_eq!(source.data_from(0), 0..65_536);
    assert_eq!(source.data_from(100), 100..65_536);
    let second = source.data_from(65_536);
    // A file system allocates whole blocks, and may allocate several at a time.
    assert_eq!(second.start, MIB);
    assert!((MIB + 5000..=MIB + 65_536).contains(&second.end));
    assert_eq!(source.data_from(MIB / 2), second);
    assert_eq!(source.data_from(2 * MIB), 3 * MIB..3 * MIB);
    assert_eq!(source.data_from(9 * MIB), 3 * MIB..3 * MIB);
    assert!(source.is_hole(65_536, MIB - 65_536));
    assert!(!source.is_hole(65_535, 4096));
    assert!(!source.is_hole(65_536, MIB - 65_535));
    assert!(source.is_hole(2 * MIB, MIB));
    assert!(source.is_hole(2 * MIB, 9 * MIB));
    assert!(!source.is_hole(3 * MIB, 4096));
    let content = fs::read(&path).unwrap();
    assert_reads(&source, &content, 0, 1 << 22);
}

#[test]
fn holes_of_a_file_on_disk_are_found() {
    find_holes(on_disk().path());
}

#[test]
fn holes_of_a_file_in_memory_are_found() {
    if let Some(directory) = in_memory() {
        find_holes(directory.path());
    }
}

fn cut_off(directory: &Path) {
    let path = sparse(directory);
    let source = open(&path);
    assert!(source.is_hole(MIB / 2, MIB / 4));
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(MIB / 2).unwrap();
    // There is no data, and reading detects that.
    assert_eq!(source.data_from(MIB / 2), MIB / 2..3 * MIB);
    assert!(!source.is_hole(MIB / 2, MIB / 4));
    assert_eq!(read(&source, MIB / 2, 4096).unwrap(), []);
    assert_eq!(source.data_from(0), 0..65_536);
}

#[test]
fn a_truncated_file_has_no_hole_there() {
    cut_off(on_disk().path());
    if let Some(directory) = in_memory() {
        cut_off(directory.path());
    }
}

#[test]
fn without_information_about_holes_everything_is_data() {
    let directory = on_disk();
    if let Some(device) = LoopDevice::attach(&sparse(directory.path()), &[]) {
        let source = open(device.path());
        assert_eq!(source.data_from(MIB / 2), MIB / 2..3 * MIB);
        assert!(!source.is_hole(MIB / 2, 4096));
    }
    let ramfs = Mount::new(&["-t", "ramfs", "ramfs"], &directory.path().join("ramfs"));
    if let Some(ramfs) = ramfs {
        let source = open(&sparse(ramfs.path()));
        assert_eq!(source.data_from(MIB / 2), MIB / 2..3 * MIB);
        assert!(!source.is_hole(MIB / 2, 4096));
    }
}
