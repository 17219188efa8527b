//! Identities of devices, which do not depend on their node or content.

use std::fs;
use std::path::{Path, PathBuf};

use blockcopy_blockio::Error;

use super::checked::{identity, try_identity, wait_for_the_clock};
use crate::support::{LoopDevice, file_with, on_disk, open_sink, pattern, run, run_or_skip};

const SIZE: usize = 4 << 20;

fn assert_unknown(path: &Path, reason: &str) {
    let error = try_identity(path).unwrap_err();
    assert!(matches!(error, Error::NoIdentity { .. }), "{error}");
    assert_eq!((error.code(), error.path()), ("no-identity", Some(path)));
    let message = error.to_string();
    let start = format!("cannot identify {}: ", path.display());
    assert!(
        message.starts_with(&start) && message.contains(reason),
        "{message}"
    );
}

fn loop_identity(backing: &Path, options: &[&str]) -> Option<String> {
    let device = LoopDevice::attach(backing, options)?;
    Some(identity(device.path()))
}

#[test]
fn a_loop_device_has_the_identity_of_its_backing_file() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "a b", &pattern(SIZE));
    let other = file_with(directory.path(), "other", &pattern(SIZE));
    let Some(first) = loop_identity(&backing, &[]) else {
        return;
    };
    let file = identity(&backing);
    let (file, _changed) = file.rsplit_once(' ').unwrap();
    assert_eq!(first, format!("device loop 0 {file}"));
    // Gets the loop device of the first one.
    let in_between = LoopDevice::attach(&other, &[]).unwrap();
    assert_ne!(identity(in_between.path()), first);
    assert_eq!(loop_identity(&backing, &[]).unwrap(), first);
    let offset = loop_identity(&backing, &["--offset", "1048576"]).unwrap();
    assert_eq!(offset, format!("device loop 1048576 {file}"));
}

#[test]
fn a_write_does_not_change_the_identity_of_a_device() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &pattern(SIZE));
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let first = identity(device.path());
    wait_for_the_clock();
    let sink = open_sink(device.path(), false).unwrap();
    sink.write_run(&[&vec![7; 4096]], 0).unwrap();
    sink.sync().unwrap();
    drop(sink);
    assert_eq!(identity(device.path()), first);
}

#[test]
fn a_loop_device_on_a_loop_device_has_the_identity_of_the_lowest_file() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &pattern(SIZE));
    let Some(lower) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let Some(upper) = LoopDevice::attach(lower.path(), &["--offset", "4096"]) else {
        return;
    };
    let expected = format!("device loop 4096 {}", identity(lower.path()));
    assert_eq!(identity(upper.path()), expected);
}

#[test]
fn a_loop_device_with_an_invisible_file_has_no_identity() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &pattern(SIZE));
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let other = file_with(directory.path(), "other", &pattern(SIZE));
    let at = backing.to_str().unwrap();
    if run_or_skip("mount", &["--bind", other.to_str().unwrap(), at]).is_some() {
        let reason = format!("it is a loop device on {at}, which is another file here");
        let said = std::panic::catch_unwind(|| assert_unknown(device.path(), &reason));
        run("umount", &[at]).unwrap();
        said.unwrap();
    }
    fs::remove_file(&backing).unwrap();
    assert_unknown(
        device.path(),
        "which cannot be opened: No such file or directory (ENOENT)",
    );
}

#[test]
fn a_partition_has_the_identity_of_its_disk_and_its_start() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &vec![0; SIZE]);
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let partition = |start: u32| {
        let (start, sectors) = (start.to_string(), "2048");
        run_or_skip("addpart", &[device.name(), "1", &start, sectors])?;
        let found = try_identity(format!("{}p1", device.name()));
        run("delpart", &[device.name(), "1"]).unwrap();
        Some(found.unwrap().to_string())
    };
    let Some(first) = partition(2048) else {
        return;
    };
    let disk = identity(device.path());
    assert_eq!(first, format!("{disk} partition 2048"));
    assert_eq!(partition(2048).unwrap(), first);
    assert_ne!(partition(4096).unwrap(), first);
}

#[test]
fn a_mapped_device_has_only_the_uuid_that_it_was_given() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &vec![0; SIZE]);
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let name = format!("blockio-identity-{}", std::process::id());
    let table = format!("0 {} linear {} 0", SIZE / 512, device.name());
    let mapped = PathBuf::from(format!("/dev/mapper/{name}"));
    let create = |options: &[&str]| {
        let mut arguments = vec!["create", "--noudevsync", &name, "--table", &table];
        arguments.extend_from_slice(options);
        run_or_skip("dmsetup", &arguments)
    };
    let remove = || run("dmsetup", &["remove", "--noudevsync", "--retry", &name]).unwrap();
    if create(&["--uuid", "TEST-a b"]).is_none() {
        return;
    }
    let found = try_identity(&mapped);
    remove();
    assert_eq!(found.unwrap().as_str(), "device dm TEST-a\\x20b");
    create(&[]).unwrap();
    let found = std::panic::catch_unwind(|| assert_unknown(&mapped, "has no dm/uuid, wwid"));
    remove();
    found.unwrap();
}
