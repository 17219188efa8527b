//! Failing reads, and direct reads that are refused.

use std::fs::OpenOptions;
use std::path::Path;

use blockcopy_blockio::{Direct, Source};

use crate::support::{
    LoopDevice, assert_reads, file_with, on_disk, pattern, read, run, run_or_skip,
};

const MIB: usize = 1 << 20;

#[test]
fn direct_reads_that_are_refused_later_go_through_the_page_cache() {
    let directory = on_disk();
    let content = pattern(8 * MIB);
    let backing = file_with(directory.path(), "backing", &content);
    let Some(device) = LoopDevice::attach(&backing, &["--sector-size", "512"]) else {
        return;
    };
    let source = Source::open(device.path(), Direct::Auto).unwrap();
    assert!(source.is_direct());
    // From now on, direct reads of 512 bytes are unaligned.
    if run_or_skip("losetup", &["--sector-size", "4096", device.name()]).is_none() {
        return;
    }
    assert_reads(&source, &content, 512, 1024);
    assert!(!source.is_direct());
    assert_eq!(source.granularity(), 512);
    for start in (0..8).map(|mebibyte| mebibyte * MIB) {
        assert_reads(&source, &content, start, MIB);
    }

    OpenOptions::new()
        .write(true)
        .open(&backing)
        .unwrap()
        .set_len(5 * MIB as u64 + 8192)
        .unwrap();
    let offset = read(&source, 5 * MIB as u64, MIB).unwrap_err().offset();
    assert_eq!(offset, Some(5 * MIB as u64 + 8192));
}

#[test]
fn an_unreadable_sector_is_named_exactly() {
    let directory = on_disk();
    let content = pattern(8 * MIB);
    for (sector, fault) in [
        (512, 5 * MIB + 3 * 512),
        (4096, 5 * MIB + 3 * 4096),
        (512, 5 * MIB),
    ] {
        let backing = file_with(directory.path(), "backing", &content);
        let Some(device) = LoopDevice::attach(&backing, &["--sector-size", &sector.to_string()])
        else {
            return;
        };
        let source = Source::open(device.path(), Direct::Auto).unwrap();
        OpenOptions::new()
            .write(true)
            .open(&backing)
            .unwrap()
            .set_len(fault as u64)
            .unwrap();
        assert_reads(&source, &content[..5 * MIB], 4 * MIB, MIB);
        let error = read(&source, 5 * MIB as u64, MIB).unwrap_err();
        let expected = format!(
            "cannot read {} at offset {fault}: Input/output error (EIO)",
            device.name()
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(
            (error.code(), error.offset(), error.errno()),
            ("io", Some(fault as u64), Some(5))
        );
        assert_eq!(error.path(), Some(device.path()));
        assert!(source.is_direct());
    }
}

#[test]
fn other_file_types_are_refused_without_blocking() {
    let directory = on_disk();
    let fifo = directory.path().join("fifo");
    run("mkfifo", &[fifo.to_str().unwrap()]).unwrap();
    for (path, what) in [
        (fifo.as_path(), "a FIFO"),
        (directory.path(), "a directory"),
        (Path::new("/dev/null"), "a character device"),
    ] {
        let error = Source::open(path, Direct::Auto).unwrap_err();
        assert_eq!(error.code(), "not-a-file");
        let expected = format!(
            "cannot open {}: it is {what}, not a regular file or a block device",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
    }
    let error = Source::open(directory.path().join("absent"), Direct::Auto).unwrap_err();
    assert_eq!((error.code(), error.errno()), ("not-found", Some(2)));
    assert!(
        error
            .to_string()
            .ends_with("absent: No such file or directory (ENOENT)"),
        "{error}"
    );
    let below_a_file = file_with(directory.path(), "file", b"").join("x");
    assert_eq!(
        Source::open(below_a_file, Direct::Auto).unwrap_err().code(),
        "not-found"
    );
}
