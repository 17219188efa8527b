//! Finding writers of a source, but not readers.

use std::fs::File;
use std::path::Path;

use blockcopy_blockio::{Direct, Sink, Source};

use crate::support::{
    LoopDevice, Mount, file_with, on_disk, open_sink, pattern, released, run_or_skip,
};

fn writer(path: impl AsRef<Path>) -> Option<String> {
    Source::open(path, Direct::Auto).unwrap().writer()
}

/// Retries, because a process that another test is starting has our descriptors until it executes its program.
fn assert_no_writer(path: impl AsRef<Path>) {
    let found = released(|| writer(path.as_ref()).map_or(Ok(()), Err));
    assert_eq!(found, Ok(()));
}

#[test]
fn a_file_that_is_open_for_writing() {
    let directory = on_disk();
    let path = file_with(directory.path(), "disk.img", &pattern(4096));
    assert_no_writer(&path);
    let _reader = File::open(&path).unwrap();
    assert_no_writer(&path);
    let sink = open_sink(&path, false).unwrap();
    assert_eq!(writer(&path).as_deref(), Some("it is open for writing"));
    drop(sink);
    assert_no_writer(&path);
}

#[test]
fn the_backing_file_of_a_loop_device() {
    let directory = on_disk();
    let path = file_with(directory.path(), "disk.img", &pattern(1 << 20));
    let Some(device) = LoopDevice::attach(&path, &[]) else {
        return;
    };
    let expected = format!("it backs {}", device.name());
    assert_eq!(writer(&path), Some(expected));
    assert_no_writer(device.path());
    drop(device);
    let _device = LoopDevice::attach(&path, &["--read-only"]).unwrap();
    assert_no_writer(&path);
}

#[test]
fn a_device_that_is_claimed() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &pattern(1 << 20));
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let claim = open_sink(device.path(), false).unwrap();
    assert_eq!(
        writer(device.path()).as_deref(),
        Some("another process has it open exclusively")
    );
    assert_eq!(Sink::refuse_used(device.path()).unwrap_err().code(), "busy");
    drop(claim);
    assert_no_writer(device.path());
    Sink::refuse_used(device.path()).unwrap();
    // The test has left no claim.
    open_sink(device.path(), false).unwrap();
}

#[test]
fn a_device_that_is_mounted() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &vec![0; 8 << 20]);
    if run_or_skip("mkfs.ext4", &["-q", "-F", backing.to_str().unwrap()]).is_none() {
        return;
    }
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let point = directory.path().join("mount");
    let at = format!("mounted on {}", point.display());
    let Some(mount) = Mount::new(&[device.name()], &point) else {
        return;
    };
    assert_eq!(writer(device.path()), Some(format!("it is {at}")));
    assert_eq!(
        writer(&backing),
        Some(format!("it backs {}, and that is {at}", device.name()))
    );
    for path in [device.path(), &backing] {
        let error = Sink::refuse_used(path).unwrap_err();
        assert_eq!(error.code(), "busy");
        assert!(error.to_string().contains(&at), "{error}");
    }
    drop(mount);
    let _mount = Mount::new(&["-o", "ro", device.name()], &point).unwrap();
    assert_no_writer(device.path());
}

#[test]
fn the_same_file_and_device_have_one_instance_by_whatever_name() {
    let directory = on_disk();
    let path = file_with(directory.path(), "one", &pattern(4096));
    let other = file_with(directory.path(), "other", &pattern(4096));
    let [link, name] = ["link", "name"].map(|name| directory.path().join(name));
    std::os::unix::fs::symlink(&path, &link).unwrap();
    std::fs::hard_link(&path, &name).unwrap();
    let instance = |path: &Path| {
        Source::open(path, Direct::Auto)
            .unwrap()
            .instance()
            .unwrap()
    };
    assert_eq!(instance(&path), instance(&link));
    assert_eq!(instance(&path), instance(&name));
    assert_ne!(instance(&path), instance(&other));
    let Some(device) = LoopDevice::attach(&other, &[]) else {
        return;
    };
    assert_ne!(instance(&other), instance(device.path()));
}
