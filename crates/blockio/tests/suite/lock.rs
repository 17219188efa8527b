//! Locking a destination: one process gets the lock, and the others report its holder.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use blockcopy_blockio::stdio::{duplicate_for_life, lock_byte_for_life};
use blockcopy_blockio::{Error, Sink, SinkOptions};

use crate::support::{
    LoopDevice, child, file_with, is_child, on_disk, open_sink, pattern, released,
};

fn locked(path: impl AsRef<Path>) -> Result<Sink, Error> {
    let options = SinkOptions {
        lock: true,
        create: true,
        ..SinkOptions::default()
    };
    Sink::open(path, options)
}

fn assert_locked(path: &Path) {
    let error = locked(path).unwrap_err();
    assert_eq!(error.code(), "locked", "{error}");
    assert_eq!(error.path(), Some(path));
    let message = error.to_string();
    let start = format!(
        "cannot write {}: it is locked by process {} (",
        path.display(),
        std::process::id()
    );
    assert!(message.starts_with(&start), "{message}");
}

#[test]
fn a_file_is_locked_until_the_sink_is_dropped() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(4096));
    let made = directory.path().join("made");
    for path in [path, made] {
        let sink = locked(&path).unwrap();
        assert_locked(&path);
        // Opening without the lock reports the other user too.
        assert_eq!(open_sink(&path, false).unwrap_err().code(), "busy");
        open_sink(&path, true).unwrap();
        drop(sink);
        released(|| locked(&path)).unwrap();
    }
}

#[test]
fn a_device_is_waited_for_and_then_refused_because_of_the_lock() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &pattern(1 << 20));
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let sink = locked(device.path()).unwrap();
    let begun = Instant::now();
    assert_locked(device.path());
    assert!(begun.elapsed() >= Duration::from_secs(3));
    // Opening without the lock reports the claim.
    assert_eq!(open_sink(device.path(), false).unwrap_err().code(), "busy");
    let waiting = thread::spawn({
        let path = device.path().to_owned();
        move || locked(path).map(drop)
    });
    thread::sleep(Duration::from_millis(200));
    assert!(!waiting.is_finished());
    drop(sink);
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_lock_of_udev_is_waited_for() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &pattern(1 << 20));
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let probing = File::open(device.path()).unwrap();
    probing.lock_shared().unwrap();
    let waiting = thread::spawn({
        let path = device.path().to_owned();
        move || locked(path).map(drop)
    });
    thread::sleep(Duration::from_millis(200));
    assert!(!waiting.is_finished());
    drop(probing);
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_claim_without_the_lock_does_not_count_as_a_lock() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &pattern(1 << 20));
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let claim = open_sink(device.path(), false).unwrap();
    assert_eq!(locked(device.path()).unwrap_err().code(), "busy");
    // A claim that ends soon is waited for.
    let waiting = thread::spawn({
        let path = device.path().to_owned();
        move || locked(path).map(drop)
    });
    thread::sleep(Duration::from_millis(100));
    drop(claim);
    waiting.join().unwrap().unwrap();
}

/// Runs a test as a child that holds a file, its standard input. Returns the words that it has printed in brackets.
fn held_by(test: &str, file: &Path) -> (Child, String) {
    let mut holder = child(test)
        .stdin(File::open(file).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let stdout = holder.stdout.as_mut().unwrap();
    let mut byte = [0];
    while !said.contains(']') && stdout.read(&mut byte).unwrap() == 1 {
        said.push(char::from(byte[0]));
    }
    let (_, words) = said.split_once('[').unwrap();
    (holder, words.trim_end_matches(']').to_owned())
}

const HOLDER: &str = "lock::a_byte_stays_locked_as_long_as_its_process_lives";

#[test]
fn a_byte_stays_locked_as_long_as_its_process_lives() {
    let file = Path::new("/dev/fd/0");
    if is_child(HOLDER) {
        let first = lock_byte_for_life(file, 7).unwrap();
        let again = lock_byte_for_life(file, 7).unwrap();
        let other = lock_byte_for_life(file, 8).unwrap();
        println!("[{first} {again} {other}]");
        thread::sleep(Duration::from_secs(60));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let held = file_with(folder.path(), "held", b"");
    let (mut holder, said) = held_by(HOLDER, &held);
    assert_eq!(said, "true false true");
    assert!(!lock_byte_for_life(&held, 7).unwrap());
    assert!(lock_byte_for_life(&held, 9).unwrap());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(lock_byte_for_life(&held, 7).unwrap());
    assert!(lock_byte_for_life(Path::new("/nowhere"), 7).is_err());
}

const CLAIMER: &str = "lock::what_a_process_has_claimed_stays_so_while_another_has_its_descriptors";

#[test]
fn what_a_process_has_claimed_stays_so_while_another_has_its_descriptors() {
    if is_child(CLAIMER) {
        let sink = locked("/dev/fd/0").unwrap();
        let claim = sink.claim().into_iter();
        let claim: Vec<String> = claim.map(|descriptor| descriptor.to_string()).collect();
        println!("[{}]", claim.join(" "));
        thread::sleep(Duration::from_secs(60));
        return;
    }
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(4096));
    let (mut claimer, said) = held_by(CLAIMER, &path);
    let process = i32::try_from(claimer.id()).unwrap();
    let claim: Vec<i32> = said.split(' ').map(|word| word.parse().unwrap()).collect();
    for descriptor in &claim {
        duplicate_for_life(process, *descriptor).unwrap();
    }
    assert!(duplicate_for_life(process, 1 << 20).is_err());
    claimer.kill().unwrap();
    claimer.wait().unwrap();
    assert_eq!(locked(&path).unwrap_err().code(), "locked");
    assert_eq!(open_sink(&path, false).unwrap_err().code(), "busy");
    assert!(duplicate_for_life(process, claim[0]).is_err());
}
