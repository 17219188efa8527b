//! The simulation and the kernel must give the same results for the same operations.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::medium::{Access, Disk, Medium, Region, Zeroing};
use crate::{ALIGNMENT, Slab, Slot};

const SIZE: usize = 65_536;

#[derive(Debug, Clone)]
enum Step {
    Read(Access, usize, usize),
    Write(Access, usize, usize),
    Zero(Zeroing, usize, usize),
    SetLen(usize),
    Next(Region, usize),
    FinishWriteback(usize, usize),
    Sync,
}

fn place() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..2 * SIZE,
        (0..SIZE / 256).prop_map(|sector| sector * 512),
        (0..SIZE / 2048).prop_map(|page| page * 4096),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let access = prop_oneof![Just(Access::Buffered), Just(Access::Direct)];
    let region = prop_oneof![Just(Region::Data), Just(Region::Hole)];
    prop_oneof![
        (access.clone(), place(), place())
            .prop_map(|(access, at, len)| Step::Read(access, at, len)),
        (access, place(), place()).prop_map(|(access, at, len)| Step::Write(access, at, len)),
        (place(), place()).prop_map(|(at, len)| Step::Zero(Zeroing::PunchHole, at, len)),
        (place(), place()).prop_map(|(at, len)| Step::Zero(Zeroing::ZeroOut, at, len)),
        place().prop_map(Step::SetLen),
        (region, place()).prop_map(|(region, at)| Step::Next(region, at)),
        (place(), place()).prop_map(|(at, len)| Step::FinishWriteback(at, len)),
        Just(Step::Sync),
    ]
}

/// Returns aligned memory that is filled.
fn slot(len: usize, byte: u8) -> (Slot, usize) {
    let len_in_pages = len.max(1).next_multiple_of(ALIGNMENT);
    let mut slot = Slab::new(1, len_in_pages).unwrap().take(0).unwrap();
    slot.fill(byte);
    (slot, len)
}

/// Number and the bytes that were read.
type Answer = Result<(u64, Vec<u8>), Errno>;

/// Result of an operation.
fn ask(medium: &dyn Medium, step: &Step, mark: u8) -> Answer {
    let none = |()| (0, Vec::new());
    match *step {
        Step::Read(access, at, len) => {
            let (mut buf, len) = slot(len, mark);
            let read = medium.read(access, &mut buf[..len], at as u64)?;
            Ok((read as u64, buf[..read].to_vec()))
        }
        Step::Write(access, at, len) => {
            let (data, len) = slot(len, mark);
            let written = medium.write(access, &data[..len], at as u64)?;
            Ok((written as u64, Vec::new()))
        }
        Step::Zero(how, at, len) => medium.zero(how, at as u64, len as u64).map(none),
        Step::SetLen(len) => medium.set_len(len as u64).map(none),
        Step::Next(region, at) => Ok((medium.next(region, at as u64)?, Vec::new())),
        Step::FinishWriteback(at, len) => medium.finish_writeback(at as u64, len as u64).map(none),
        Step::Sync => medium.sync().map(none),
    }
}

/// Returns true if direct access is not aligned. The simulation refuses that; some kernels accept it if there is nothing to transfer,
/// or refuse it only after they have dropped cached data.
fn is_unaligned(step: &Step, granularity: usize, kind: Kind) -> bool {
    let aligned = |at: usize| at.is_multiple_of(granularity);
    match *step {
        Step::Read(Access::Direct, at, len) | Step::Write(Access::Direct, at, len) => {
            !aligned(at) || !aligned(len)
        }
        // A range that is too long is cut off.
        Step::Zero(_, at, len) if kind == Kind::Device => {
            !aligned(at) || !aligned(len) && at + len <= SIZE
        }
        _ => false,
    }
}

fn compare(disk: &Disk, path: &Path, memory: &Memory, steps: &[Step]) {
    let opened = memory.opened(true);
    let granularity = disk.granularity().unwrap();
    assert_eq!(opened.granularity(), Some(granularity));
    for (mark, step) in (1..).zip(steps) {
        let found = ask(&opened, step, mark);
        if is_unaligned(step, granularity, memory.kind()) {
            assert!(found == Err(Errno::INVAL), "{step:?}");
            continue;
        }
        let expected = ask(disk, step, mark);
        let number = |answer: &Answer| answer.as_ref().map(|(number, _)| *number).map_err(|&e| e);
        assert_eq!(number(&found), number(&expected), "{step:?}");
        assert!(found == expected, "{step:?} read something else");
        assert_eq!(opened.size(), disk.size(), "{step:?}");
    }
    let (found, expected) = (memory.content(), fs::read(path).unwrap());
    let differ = |(a, b)| a != b;
    let first = found.iter().zip(&expected).position(differ);
    assert!(found == expected, "they differ at {first:?}");
}

fn both(path: &Path) -> Option<Disk> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let kind = crate::node::Node::stat(path).unwrap().kind;
    let disk = Disk::new(kind, file.into(), true);
    disk.granularity().map(|_| disk)
}

fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn a_file_of_the_kernel_does_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let steps = prop::collection::vec(step(), 1..20);
    proptest!(config(), |(size in 0..SIZE, steps in steps)| {
        let mut file = File::create(&path).unwrap();
        file.write_all(&pattern(size)).unwrap();
        let Some(disk) = both(&path) else {
            println!("SKIPPED: no direct access here");
            return Ok(());
        };
        let memory = Memory::file(pattern(size)).with_granularity(disk.granularity());
        compare(&disk, &path, &memory, &steps);
    });
}

#[test]
fn a_device_of_the_kernel_does_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let backing = directory.path().join("backing");
    fs::write(&backing, pattern(SIZE)).unwrap();
    for sector in ["512", "4096"] {
        let mut attach = Command::new("losetup");
        attach.args(["--find", "--show", "--sector-size", sector]);
        let attached = attach.arg(&backing).output();
        let Some(attached) = attached.ok().filter(|output| output.status.success()) else {
            println!("SKIPPED: no loop device of {sector} bytes");
            return;
        };
        let device = String::from_utf8(attached.stdout).unwrap();
        let path = Path::new(device.trim());
        let result = std::panic::catch_unwind(|| {
            let steps = prop::collection::vec(step(), 1..20);
            proptest!(config(), |(steps in steps)| {
                let disk = both(path).unwrap();
                let content = fs::read(path).unwrap();
                let memory = Memory::device(content).with_granularity(disk.granularity());
                compare(&disk, path, &memory, &steps);
            });
        });
        let detach = Command::new("losetup").arg("--detach").arg(path).status();
        assert!(detach.unwrap().success());
        result.unwrap();
    }
}
