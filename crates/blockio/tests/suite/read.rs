//! Reading on real file systems and devices.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

use blockcopy_blockio::{ALIGNMENT, Direct, Kind, Source};
use proptest::prelude::*;

use crate::support::{
    LoopDevice, Mount, assert_reads, child, evict, file_with, in_memory, is_child, on_disk,
    pattern, read,
};

const MIB: usize = 1 << 20;
const FROM_STDIN: &str = "read::standard_input_is_a_source_if_it_is_a_file";

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
        let source = Source::open(&path, Direct::Auto).unwrap();
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
fn reads_after_the_end_return_nothing() {
    let directory = on_disk();
    let source = Source::open(
        file_with(directory.path(), "file", &pattern(5000)),
        Direct::Auto,
    )
    .unwrap();
    for offset in [8192, 1 << 30, i64::MAX.cast_unsigned() - 8191] {
        assert_eq!(read(&source, offset, 4096).unwrap(), []);
    }
    let error = read(&source, i64::MAX.cast_unsigned() - 4095, 4096).unwrap_err();
    assert_eq!(error.errno(), Some(75), "{error}");
}

#[test]
fn a_file_that_has_grown_is_taken_for_what_it_was() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(10_000));
    let mut source = Source::open(&path, Direct::Auto).unwrap();
    source.limit(9_000);
    assert_eq!(source.size(), 9_000);
    assert_eq!(source.data_from(4096), 4096..9_000);
    source.limit(20_000);
    assert_eq!(source.size(), 9_000);
}

#[test]
fn a_file_that_grows_is_read_as_it_is() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(5000));
    let source = Source::open(&path, Direct::Auto).unwrap();
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
    let source = Source::open(&path, Direct::Auto).unwrap();
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
        let source = Source::open(device.path(), Direct::Auto).unwrap();
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
    let source = Source::open(
        file_with(ramfs.path(), "file", &pattern(5000)),
        Direct::Auto,
    )
    .unwrap();
    assert!(!source.is_direct());
    oracle(ramfs.path(), false);
}

#[test]
fn standard_input_is_a_source_if_it_is_a_file() {
    if is_child(FROM_STDIN) {
        return match Source::from_stdin(Direct::Auto) {
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
    // Whatever the position of the descriptor.
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
