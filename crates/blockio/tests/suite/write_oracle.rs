//! Writing and zeroing on real file systems and devices, compared with a vector.

use std::fs;
use std::path::Path;

use blockcopy_blockio::{Direct, Kind, Sink, SinkOptions};
use proptest::prelude::*;

use crate::support::{LoopDevice, Mount, file_with, in_memory, on_disk, open_sink, pattern};

const SIZE: usize = 524_288;

#[derive(Debug, Clone)]
struct Step {
    offset: usize,
    /// Lengths of the adjacent parts.
    lens: Vec<usize>,
    /// Zeroed without sending zeros.
    zero: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let offset = prop_oneof![0..SIZE, (0..SIZE / 4096).prop_map(|page| page * 4096)];
    let len = prop_oneof![
        0..40_000_usize,
        (0..20_usize).prop_map(|pages| pages * 4096)
    ];
    (offset, prop::collection::vec(len, 1..4), any::<bool>())
        .prop_map(|(offset, lens, zero)| Step { offset, lens, zero })
}

fn direct() -> impl Strategy<Value = Direct> {
    prop_oneof![3 => Just(Direct::Auto), 1 => Just(Direct::Off)]
}

/// Writes to the file or device at `path`, which has `content`, and to a vector.
fn write_and_compare(path: &Path, mut content: Vec<u8>, direct: Direct, steps: Vec<Step>) {
    // Opened once: if it were claimed again for each case, a device could still seem to be in use, see `open_released`.
    let force = true;
    let sink = Sink::open(
        path,
        SinkOptions {
            force,
            direct,
            ..SinkOptions::default()
        },
    )
    .unwrap();
    assert_eq!(sink.size(), content.len() as u64);
    for Step { offset, lens, zero } in steps {
        let mut data = pattern(lens.iter().sum());
        let mut end = offset + data.len();
        if sink.kind() == Kind::Device && end > content.len() {
            end = content.len();
            data.truncate(end.saturating_sub(offset));
        }
        if data.is_empty() {
            continue;
        }
        if zero {
            data.fill(0);
            sink.zero(offset as u64, data.len() as u64).unwrap();
        } else {
            let (low, high) = data.split_at(lens[0].min(data.len()));
            sink.write_run(&[low, high], offset as u64).unwrap();
        }
        content.resize(content.len().max(end), 0);
        content[offset..end].copy_from_slice(&data);
    }
    sink.sync().unwrap();
    drop(sink);
    assert!(fs::read(path).unwrap() == content);
}

fn in_files(directory: &Path) {
    let config = ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(step(), 0..8);
    proptest!(config, |(size in 0..SIZE, direct in direct(), steps in steps)| {
        let content = vec![0x11; size];
        let path = file_with(directory, "file", &content);
        write_and_compare(&path, content, direct, steps);
    });
}

#[test]
fn files_have_the_written_content() {
    in_files(on_disk().path());
}

#[test]
fn files_in_memory_have_the_written_content() {
    if let Some(directory) = in_memory() {
        in_files(directory.path());
    }
}

/// ramfs has neither direct access nor holes.
#[test]
fn files_on_ramfs_have_the_written_content() {
    let directory = on_disk();
    let ramfs = Mount::new(&["-t", "ramfs", "ramfs"], &directory.path().join("ramfs"));
    if let Some(ramfs) = ramfs {
        in_files(ramfs.path());
    }
}

#[test]
fn devices_have_the_written_content() {
    let directory = on_disk();
    for options in [
        ["--sector-size=512", "--direct-io=off"],
        ["--sector-size=512", "--direct-io=on"],
        ["--sector-size=4096", "--direct-io=on"],
    ] {
        let backing = file_with(directory.path(), "backing", &vec![0x22; SIZE]);
        let Some(device) = LoopDevice::attach(&backing, &options) else {
            return;
        };
        let config = ProptestConfig {
            cases: 24,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let steps = prop::collection::vec(step(), 0..8);
        proptest!(config, |(direct in direct(), steps in steps)| {
            let content = fs::read(device.path()).unwrap();
            write_and_compare(device.path(), content, direct, steps);
        });
    }
}

/// The unaligned ends of some writes are next to direct writes of other threads. The kernel would report an error at the sync if a direct
/// write met a dirty unit of the page cache.
#[test]
fn threads_write_at_the_same_time() {
    const BLOCK: usize = 14_000;
    const BLOCKS: usize = 1024;
    let directory = on_disk();
    let content = pattern(BLOCK * BLOCKS);
    let len = content.len().next_multiple_of(4096);
    let write = |path: &Path| {
        // Readahead caches large units.
        assert_eq!(fs::read(path).unwrap().len(), len);
        let sink = open_sink(path, false).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (sink, content) = (&sink, &content);
                scope.spawn(move || {
                    for block in (thread..BLOCKS).step_by(4) {
                        let start = block * BLOCK;
                        let block = &content[start..start + BLOCK];
                        sink.write_run(&[block], start as u64).unwrap();
                    }
                });
            }
        });
        sink.sync().unwrap();
        assert!(fs::read(path).unwrap()[..content.len()] == content);
    };
    write(&file_with(directory.path(), "file", &vec![0; len]));
    let backing = file_with(directory.path(), "backing", &vec![0; len]);
    if let Some(device) = LoopDevice::attach(&backing, &[]) {
        write(device.path());
    }
}
