//! A file that is missing is made where that is wanted, and nothing else is.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use blockcopy_blockio::{Error, Sink, SinkOptions};

mod common;
use common::{file_with, in_memory, on_disk, pattern};

fn create(path: impl AsRef<Path>) -> Result<Sink, Error> {
    let options = SinkOptions {
        create: true,
        ..SinkOptions::default()
    };
    Sink::open(path, options)
}

#[test]
fn a_missing_file_is_made_for_its_owner_alone() {
    for directory in [Some(on_disk()), in_memory()].into_iter().flatten() {
        let path = directory.path().join("new");
        let sink = create(&path).unwrap();
        assert_eq!(sink.size(), 0);
        sink.write_run(&[&pattern(100_000)], 0).unwrap();
        sink.sync().unwrap();
        assert!(fs::read(&path).unwrap() == pattern(100_000));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    create(&path).unwrap().sync().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"content");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
}

#[test]
fn nothing_is_made_where_it_has_no_place() {
    let directory = on_disk();
    let at = |name| directory.path().join(name);
    file_with(directory.path(), "file", b"");
    symlink(at("target"), at("dangling")).unwrap();
    symlink("/dev", at("devices")).unwrap();
    let unlikely = format!("blockio-test-{}", std::process::id());
    let paths = [
        at("missing/file"),
        at("file/file"),
        at("dangling"),
        at("devices").join(&unlikely),
        Path::new("/dev").join(&unlikely),
        Path::new("/dev/shm/..").join(&unlikely),
        "".into(),
    ];
    for path in paths {
        let error = create(&path).unwrap_err();
        assert_eq!(error.code(), "not-found", "{error}");
        assert!(error.to_string().starts_with("cannot open "), "{error}");
    }
    assert!(!at("target").exists() && !Path::new("/dev").join(&unlikely).exists());
}

#[test]
fn nothing_is_made_unasked() {
    let directory = on_disk();
    let path = directory.path().join("new");
    let error = Sink::open(&path, SinkOptions::default()).unwrap_err();
    assert_eq!(error.code(), "not-found");
    assert!(!path.exists());
}
