//! Reading leaves the page cache as it was.

use std::fs;
use std::os::unix::fs::FileExt;

use blockcopy_blockio::{ALIGNMENT, Direct, Source};

use crate::support::{assert_reads, evict, file_with, on_disk, pattern, resident, skip};

const MIB: usize = 1 << 20;

/// Returns the number of bytes that the disk has read for this thread; see `proc_pid_io(5)`.
fn read_by_this_thread() -> usize {
    let counters = fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = counters
        .lines()
        .find_map(|line| line.strip_prefix("read_bytes: "));
    line.unwrap().parse().unwrap()
}

#[test]
fn partly_cached_files_read_as_written() {
    let directory = on_disk();
    let content = pattern(2 * MIB + 777);
    let path = file_with(directory.path(), "file", &content);
    for cached in [1, ALIGNMENT, 130_000, MIB] {
        evict(&path);
        let file = fs::File::open(&path).unwrap();
        file.read_exact_at(&mut vec![0; cached], 0).unwrap();
        let source = Source::open(&path, Direct::Auto).unwrap();
        assert_reads(&source, &content, 0, 2 * MIB);
        assert_reads(&source, &content, 2 * MIB, MIB);
    }
}

#[test]
fn a_file_that_was_not_cached_is_not_cached_by_reading_it() {
    let directory = on_disk();
    let content = pattern(16 * MIB);
    let path = file_with(directory.path(), "file", &content);
    let (Some(()), Some(before)) = (evict(&path), resident(&path)) else {
        return;
    };
    let source = Source::open(&path, Direct::Auto).unwrap();
    if !source.is_direct() || before > 0 {
        return skip(&format!(
            "direct: {}, cached before: {before} bytes",
            source.is_direct()
        ));
    }
    let transferred = read_by_this_thread();
    for start in (0..16).map(|mebibyte| mebibyte * MIB) {
        assert_reads(&source, &content, start, MIB);
    }
    let transferred = read_by_this_thread() - transferred;
    let after = resident(&path).unwrap();
    assert!(
        after <= 16 * ALIGNMENT,
        "{after} of {} bytes",
        content.len()
    );
    // Nor is it read twice, except for the first pages of each read.
    assert!(
        (16 * MIB..18 * MIB).contains(&transferred),
        "{transferred} bytes from the disk for {}",
        content.len()
    );
}

#[test]
fn cached_pages_stay_cached() {
    let directory = on_disk();
    let content = pattern(4 * MIB);
    let path = file_with(directory.path(), "file", &content);
    assert_eq!(fs::read(&path).unwrap(), content);
    let Some(before) = resident(&path) else {
        return;
    };
    let source = Source::open(&path, Direct::Auto).unwrap();
    for start in (0..4).map(|mebibyte| mebibyte * MIB) {
        assert_reads(&source, &content, start, MIB);
    }
    assert_eq!(resident(&path), Some(before));
}

#[test]
fn partly_cached_files_stay_partly_cached() {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|number| number.parse().ok());
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (6, 5) {
        return skip(&format!(
            "cachestat(2) came with Linux 6.5, this is {release}"
        ));
    }
    let directory = on_disk();
    let content = pattern(4 * MIB);
    let path = file_with(directory.path(), "file", &content);
    if evict(&path).is_none() {
        return;
    }
    let file = fs::File::open(&path).unwrap();
    for offset in [0, 300_000, 3 * MIB / 2, 4 * MIB - 1] {
        file.read_exact_at(&mut [0], offset as u64).unwrap();
    }
    let Some(before) = resident(&path) else {
        return;
    };
    assert!((1..4 * MIB).contains(&before), "{before} bytes are cached");
    let source = Source::open(&path, Direct::Auto).unwrap();
    if !source.is_direct() {
        return skip("direct reads are refused");
    }
    let transferred = read_by_this_thread();
    for start in (0..4).map(|mebibyte| mebibyte * MIB) {
        assert_reads(&source, &content, start, MIB);
    }
    assert_eq!(resident(&path), Some(before));
    // No page is read twice.
    assert!(read_by_this_thread() - transferred <= 4 * MIB);
}
