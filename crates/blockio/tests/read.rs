//! Reading gives what is there, on real file systems and devices.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

use blockcopy_blockio::{ALIGNMENT, Kind, Slab, Source};
use proptest::prelude::*;

mod common;
use common::{
    LoopDevice, Mount, child, file_with, in_memory, is_child, on_disk, pattern, run, run_or_skip,
    skip,
};

const MIB: usize = 1 << 20;

/// Reads `len` bytes at `offset` into aligned memory that held something else before.
fn read(source: &Source, offset: u64, len: usize) -> Result<Vec<u8>, blockcopy_blockio::Error> {
    let (mut buf, mut guard) = Slab::new(1, len + ALIGNMENT)?
        .take(0)
        .unwrap()
        .split_at(len);
    buf.fill(0xA5);
    guard.fill(0xA5);
    let read = source.read_at(&mut buf, offset)?;
    assert!(
        guard.iter().all(|&byte| byte == 0xA5),
        "wrote beyond the buffer"
    );
    Ok(buf[..read].to_vec())
}

fn assert_reads(source: &Source, content: &[u8], start: usize, len: usize) {
    let expected = &content[start.min(content.len())..(start + len).min(content.len())];
    let found = read(source, start as u64, len).unwrap();
    assert!(
        found == expected,
        "{start}+{len} of {}: {} bytes",
        content.len(),
        found.len()
    );
}

/// What the page cache holds of a file, bytes.
fn resident(path: &Path) -> Option<usize> {
    run_or_skip(
        "fincore",
        &["-n", "-b", "-o", "RES", path.to_str().unwrap()],
    )?
    .parse()
    .ok()
}

/// How much the disk was made to read by this thread, bytes; see `proc_pid_io(5)`.
fn read_by_this_thread() -> usize {
    let counters = fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = counters
        .lines()
        .find_map(|line| line.strip_prefix("read_bytes: "));
    line.unwrap().parse().unwrap()
}

/// Drops what it can of a file from the page cache.
fn evict(path: &Path) -> Option<()> {
    let input = format!("if={}", path.display());
    run_or_skip("dd", &[&input, "iflag=nocache", "count=0"]).map(|_| ())
}

fn oracle(directory: &Path, cold: bool) {
    let config = ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let reads = prop::collection::vec((0..70_usize, 0..40_usize), 1..6);
    proptest!(config, |(size in 0..260_000_usize, reads in reads)| {
        let content = pattern(size);
        let path = file_with(directory, "oracle", &content);
        let source = Source::open(&path).unwrap();
        prop_assert_eq!(source.size(), size as u64);
        prop_assert_eq!(source.kind(), Kind::File);
        let direct = source.is_direct();
        for (start, len) in reads {
            if cold {
                evict(&path);
            }
            assert_reads(&source, &content, start * ALIGNMENT, len * ALIGNMENT);
        }
        assert_reads(&source, &content, 0, size.next_multiple_of(ALIGNMENT));
        prop_assert_eq!(source.is_direct(), direct);
    });
}

#[test]
fn cached_files_read_as_written() {
    oracle(on_disk().path(), false);
}

#[test]
fn uncached_files_read_as_written() {
    oracle(on_disk().path(), true);
}

#[test]
fn files_in_memory_read_as_written() {
    if let Some(directory) = in_memory() {
        oracle(directory.path(), false);
    }
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
        let source = Source::open(&path).unwrap();
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
    let source = Source::open(&path).unwrap();
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
    // Nor is it read twice, but for the first page or few of each read.
    assert!(
        (16 * MIB..18 * MIB).contains(&transferred),
        "{transferred} bytes from the disk for {}",
        content.len()
    );
}

#[test]
fn what_was_cached_stays_cached() {
    let directory = on_disk();
    let content = pattern(4 * MIB);
    let path = file_with(directory.path(), "file", &content);
    assert_eq!(fs::read(&path).unwrap(), content);
    let Some(before) = resident(&path) else {
        return;
    };
    let source = Source::open(&path).unwrap();
    for start in (0..4).map(|mebibyte| mebibyte * MIB) {
        assert_reads(&source, &content, start, MIB);
    }
    assert_eq!(resident(&path), Some(before));
}

#[test]
fn past_the_end_there_is_nothing() {
    let directory = on_disk();
    let source = Source::open(file_with(directory.path(), "file", &pattern(5000))).unwrap();
    for offset in [8192, 1 << 30, i64::MAX.cast_unsigned() - 8191] {
        assert_eq!(read(&source, offset, 4096).unwrap(), []);
    }
    let error = read(&source, i64::MAX.cast_unsigned() - 4095, 4096).unwrap_err();
    assert_eq!(error.errno(), Some(75), "{error}");
}

#[test]
fn a_file_that_grows_is_read_as_it_is() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(5000));
    let source = Source::open(&path).unwrap();
    let content = pattern(300_000);
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .write_all_at(&content, 0)
        .unwrap();
    assert_reads(&source, &content, 0, MIB);
    assert_eq!(source.size(), 5000);
}

#[test]
fn a_file_that_shrinks_ends_where_it_ends() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(MIB));
    let source = Source::open(&path).unwrap();
    let direct = source.is_direct();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(5000).unwrap();
    assert_reads(&source, &pattern(5000), 0, MIB);
    assert_reads(&source, &pattern(5000), 8192, MIB);
    assert_eq!(source.is_direct(), direct);
}

#[test]
fn devices_read_as_written_in_sectors_of_512_and_4096_bytes() {
    for (sector, size) in [
        (512, 3 * MIB + 512),
        (4096, 3 * MIB + 4096),
        (512, 3 * MIB + 513),
    ] {
        let directory = on_disk();
        let content = pattern(size);
        let backing = file_with(directory.path(), "backing", &content);
        let Some(device) = LoopDevice::attach(&backing, &["--sector-size", &sector.to_string()])
        else {
            return;
        };
        let source = Source::open(device.path()).unwrap();
        assert_eq!(source.kind(), Kind::Device);
        assert_eq!(source.size(), (size - size % sector) as u64);
        assert_eq!(source.granularity(), sector);
        assert!(source.is_direct());
        let content = &content[..size - size % sector];
        for (start, len) in [
            (0, MIB),
            (sector, MIB),
            (2 * MIB, 2 * MIB),
            (MIB + sector, sector),
            (4 * MIB, MIB),
        ] {
            assert_reads(&source, content, start, len);
        }
        assert!(source.is_direct());
    }
}

#[test]
fn a_file_system_without_direct_reads_is_read_through_the_page_cache() {
    let directory = on_disk();
    let Some(ramfs) = Mount::new(&["-t", "ramfs", "ramfs"], &directory.path().join("ramfs")) else {
        return;
    };
    let source = Source::open(file_with(ramfs.path(), "file", &pattern(5000))).unwrap();
    assert!(!source.is_direct());
    oracle(ramfs.path(), false);
}

#[test]
fn direct_reads_that_are_refused_later_go_through_the_page_cache() {
    let directory = on_disk();
    let content = pattern(8 * MIB);
    let backing = file_with(directory.path(), "backing", &content);
    let Some(device) = LoopDevice::attach(&backing, &["--sector-size", "512"]) else {
        return;
    };
    let source = Source::open(device.path()).unwrap();
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
        let source = Source::open(device.path()).unwrap();
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
fn what_is_no_file_is_refused_without_waiting() {
    let directory = on_disk();
    let fifo = directory.path().join("fifo");
    run("mkfifo", &[fifo.to_str().unwrap()]).unwrap();
    for (path, what) in [
        (fifo.as_path(), "a FIFO"),
        (directory.path(), "a directory"),
        (Path::new("/dev/null"), "a character device"),
    ] {
        let error = Source::open(path).unwrap_err();
        assert_eq!(error.code(), "not-a-file");
        let expected = format!(
            "cannot open {}: it is {what}, not a regular file or a block device",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
    }
    let error = Source::open(directory.path().join("absent")).unwrap_err();
    assert_eq!((error.code(), error.errno()), ("not-found", Some(2)));
    assert!(
        error
            .to_string()
            .ends_with("absent: No such file or directory (ENOENT)"),
        "{error}"
    );
    let below_a_file = file_with(directory.path(), "file", b"").join("x");
    assert_eq!(Source::open(below_a_file).unwrap_err().code(), "not-found");
}

const FROM_STDIN: &str = "standard_input_is_a_source_if_it_is_a_file";

#[test]
fn standard_input_is_a_source_if_it_is_a_file() {
    if is_child(FROM_STDIN) {
        return match Source::from_stdin() {
            Ok(Some(source)) => {
                let bytes = read(&source, 0, 8192).unwrap();
                println!(
                    "[{:?} {} {}]",
                    source.kind(),
                    source.size(),
                    bytes == pattern(5000)
                );
            }
            Ok(None) => println!("[none]"),
            Err(error) => println!("[{error}]"),
        };
    }
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let line = output
            .split('[')
            .nth(1)
            .and_then(|rest| rest.split(']').next());
        line.unwrap_or_else(|| panic!("{output}")).to_owned()
    };
    let directory = on_disk();
    let mut file = fs::File::open(file_with(directory.path(), "file", &pattern(5000))).unwrap();
    // Wherever the descriptor stands.
    std::io::copy(
        &mut std::io::Read::take(&mut file, 100),
        &mut std::io::sink(),
    )
    .unwrap();
    fs::remove_file(directory.path().join("file")).unwrap();
    assert_eq!(said(child(FROM_STDIN).stdin(file)), "File 5000 true");
    assert_eq!(said(child(FROM_STDIN).stdin(Stdio::piped())), "none");
    assert_eq!(said(child(FROM_STDIN).stdin(Stdio::null())), "none");
    let here = fs::File::open(directory.path()).unwrap();
    let refused = "cannot open /dev/stdin: it is a directory, not a regular file or a block device";
    assert_eq!(said(child(FROM_STDIN).stdin(here)), refused);
}
