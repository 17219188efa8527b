//! Zeroing ranges, and freeing their space.

use std::fs;

use blockcopy_blockio::Sink;

use crate::support::{LoopDevice, Mount, allocated, file_with, on_disk, open_sink, pattern, run};

const MIB: usize = 1 << 20;

/// Zeroes everything except the unaligned ends, and checks the content.
fn zero_the_middle(sink: &Sink, len: usize) {
    sink.zero(777, (len - 2 * 777) as u64).unwrap();
    sink.sync().unwrap();
    let mut expected = pattern(len);
    expected[777..len - 777].fill(0);
    assert!(fs::read(sink.path()).unwrap() == expected);
}

#[test]
fn zeroing_frees_the_space_of_a_device() {
    let directory = on_disk();
    for options in [
        ["--sector-size=512", "--direct-io=off"],
        ["--sector-size=512", "--direct-io=on"],
        ["--sector-size=4096", "--direct-io=on"],
    ] {
        let backing = file_with(directory.path(), "backing", &pattern(8 * MIB));
        let Some(device) = LoopDevice::attach(&backing, &options) else {
            return;
        };
        let before = allocated(&backing);
        assert!(before >= 8 * MIB as u64);
        let sink = open_sink(device.path(), false).unwrap();
        zero_the_middle(&sink, 8 * MIB);
        let after = allocated(&backing);
        assert!(
            after <= before - 7 * MIB as u64,
            "{before} -> {after} bytes"
        );
    }
}

#[test]
fn a_device_that_cannot_free_space_is_zeroed_nevertheless() {
    let directory = on_disk();
    let Some(ramfs) = Mount::new(&["-t", "ramfs", "ramfs"], &directory.path().join("ramfs")) else {
        return;
    };
    let backing = file_with(ramfs.path(), "backing", &pattern(4 * MIB));
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let name = device.name().strip_prefix("/dev/").unwrap();
    let able = fs::read_to_string(format!("/sys/block/{name}/queue/write_zeroes_max_bytes"));
    assert_eq!(able.unwrap().trim(), "0");
    zero_the_middle(&open_sink(device.path(), false).unwrap(), 4 * MIB);
}

#[test]
fn zeroing_frees_the_space_of_a_file() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(8 * MIB + 5));
    let before = allocated(&path);
    zero_the_middle(&open_sink(&path, false).unwrap(), 8 * MIB + 5);
    let after = allocated(&path);
    assert!(
        after <= before - 7 * MIB as u64,
        "{before} -> {after} bytes"
    );
}

#[test]
fn zeros_at_the_end_extend_a_file_at_the_sync() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(10_000));
    let before = allocated(&path);
    let sink = open_sink(&path, false).unwrap();
    sink.zero(9000, 64 << 20).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), 10_000);
    sink.sync().unwrap();
    let mut expected = pattern(10_000)[..9000].to_vec();
    expected.resize(9000 + 64 * MIB, 0);
    assert!(fs::read(&path).unwrap() == expected);
    assert!(allocated(&path) <= before);
}

#[test]
fn a_file_that_cannot_be_extended_is_an_error() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &vec![0; 16 * MIB]);
    run("mkfs.ext4", &["-q", "-F", backing.to_str().unwrap()]).unwrap();
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let Some(mount) = Mount::new(&[device.name()], &directory.path().join("mount")) else {
        return;
    };
    let path = file_with(mount.path(), "file", b"content");
    let sink = open_sink(&path, false).unwrap();
    // As many bytes as ext4 has in blocks of 4096, and more than it has in smaller ones.
    let error = sink.zero(1 << 44, 4096).unwrap_err();
    let expected = format!(
        "cannot zero {} at offset {}: File too large (EFBIG)",
        path.display(),
        1_u64 << 44
    );
    assert_eq!(error.to_string(), expected);
    sink.sync().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"content");
}
