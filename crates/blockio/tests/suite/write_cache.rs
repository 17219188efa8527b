//! Writing leaves the page cache as it was.

use std::fs;
use std::path::Path;

use blockcopy_blockio::{Direct, Sink, SinkOptions};

use crate::support::{evict, file_with, on_disk, pattern, resident, skip};

const MIB: usize = 1 << 20;
const LEN: usize = 48 * MIB;

/// Writes all of a file of `LEN` bytes; returns true if that used direct I/O.
fn write(path: &Path, direct: Direct) -> bool {
    let force = false;
    let sink = Sink::open(
        path,
        SinkOptions {
            force,
            direct,
            ..SinkOptions::default()
        },
    )
    .unwrap();
    let data = pattern(MIB);
    for start in (0..LEN).step_by(MIB) {
        let (low, high) = data.split_at(130_000);
        sink.write_run(&[low, high], start as u64).unwrap();
    }
    sink.sync().unwrap();
    sink.is_direct()
}

#[test]
fn a_file_that_was_not_cached_is_not_cached_by_writing_it() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &vec![0; LEN]);
    for direct in [Direct::Auto, Direct::Off] {
        let (Some(()), Some(before)) = (evict(&path), resident(&path)) else {
            return;
        };
        if before > 0 {
            return skip(&format!("{before} bytes stay in the page cache"));
        }
        let directly = write(&path, direct);
        let after = resident(&path).unwrap();
        // The kernel may be using the last few pages that were written.
        let most = if directly { 0 } else { 64 * 4096 };
        assert!(after <= most, "{direct:?}: {after} of {LEN} bytes");
    }
}

#[test]
fn cached_pages_stay_cached_when_written_through_the_page_cache() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &vec![0; LEN]);
    assert_eq!(fs::read(&path).unwrap().len(), LEN);
    if resident(&path).is_none() {
        return;
    }
    write(&path, Direct::Off);
    assert_eq!(resident(&path), Some(LEN));
}
