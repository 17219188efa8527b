//! Creating missing files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use blockcopy_blockio::{Direct, Error, Sink, SinkOptions};

use crate::support::{Mount, file_with, in_memory, on_disk, pattern, released};

fn create(path: impl AsRef<Path>) -> Result<Sink, Error> {
    let options = SinkOptions {
        create: true,
        ..SinkOptions::default()
    };
    Sink::open(path, options)
}

#[test]
fn a_missing_file_is_created_for_its_owner_only() {
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
fn an_existing_file_stays_unchanged() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    create(&path).unwrap().sync().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"content");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
}

#[test]
fn nothing_is_created_in_the_wrong_place() {
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
fn nothing_is_created_unless_asked() {
    let directory = on_disk();
    let path = directory.path().join("new");
    let error = Sink::open(&path, SinkOptions::default()).unwrap_err();
    assert_eq!(error.code(), "not-found");
    assert!(!path.exists());
}

#[test]
fn a_created_file_is_removed_only_while_it_is_unused() {
    let directory = on_disk();
    let path = directory.path().join("new");
    let made_and_removed = || {
        create(&path).unwrap().remove_if_unused().unwrap();
        // If it is still there, a process that another test is starting had it open.
        fs::remove_file(&path).err().ok_or("it was used")
    };
    released(made_and_removed).unwrap();

    let written = create(&path).unwrap();
    written.write_run(&[b"content"], 0).unwrap();
    written.remove_if_unused().unwrap();
    assert!(path.exists());
    drop(written);

    // It existed before.
    fs::write(&path, b"").unwrap();
    create(&path).unwrap().remove_if_unused().unwrap();
    assert!(path.exists());

    // A file of another process has its name.
    fs::remove_file(&path).unwrap();
    let replaced = create(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"").unwrap();
    replaced.remove_if_unused().unwrap();
    assert!(path.exists());
    fs::remove_file(&path).unwrap();
    replaced.remove_if_unused().unwrap();

    // Another process is about to write to it.
    let shared = create(&path).unwrap();
    let mut other = std::process::Command::new("sleep")
        .arg("60")
        .stdout(fs::OpenOptions::new().write(true).open(&path).unwrap())
        .spawn()
        .unwrap();
    let removed = shared.remove_if_unused();
    other.kill().unwrap();
    other.wait().unwrap();
    removed.unwrap();
    assert!(path.exists());
}

#[test]
fn nothing_remains_of_a_file_that_cannot_be_written_directly() {
    let place = on_disk();
    // It has no direct access.
    let mount = Mount::new(&["-t", "ramfs", "none"], &place.path().join("mounted"));
    let Some(mount) = mount else {
        return;
    };
    let path = mount.path().join("new");
    let options = SinkOptions {
        create: true,
        direct: Direct::On,
        ..SinkOptions::default()
    };
    let error = Sink::open(&path, options).unwrap_err();
    assert_eq!(error.code(), "not-direct");
    assert!(!path.exists());
}
