//! Writeback of data written through the page cache, and its eviction.

use blockcopy_blockio::{Direct, Fault, Memory, Operation, Sink};

use super::{EIO, ENOSYS, EOPNOTSUPP, MIB, assert_same};
use crate::support::pattern;

const LEN: usize = 128 * MIB;
const MOST_DIRTY: usize = 40 * MIB;

fn buffered(memory: &Memory) -> Sink {
    Sink::in_memory(memory, Direct::Off).unwrap()
}

fn write_all(sink: &Sink, data: &[u8]) {
    for (index, chunk) in data.chunks(MIB).enumerate() {
        sink.write_run(&[chunk], (index * MIB) as u64).unwrap();
    }
}

#[test]
fn few_pages_are_dirty_and_uncached_pages_stay_uncached() {
    let data = pattern(LEN);
    let memory = Memory::file(vec![]);
    let sink = buffered(&memory);
    write_all(&sink, &data);
    let most = memory.most_dirty();
    // Not less either: waiting for each write would be slow.
    assert!((16 * MIB..=MOST_DIRTY).contains(&most), "{most} bytes");
    let cached = memory.cached(0..u64::MAX);
    assert!(cached <= MOST_DIRTY, "{cached} bytes stay in the cache");
    sink.sync().unwrap();
    assert_eq!(memory.cached(0..u64::MAX), 0);
    assert_same(&memory.durable(), &data, "on the disk");
}

#[test]
fn a_long_write_is_paced_too() {
    let data = pattern(LEN);
    let memory = Memory::file(vec![]);
    let sink = buffered(&memory);
    sink.write_run(&[&data[..100], &data[100..]], 0).unwrap();
    let most = memory.most_dirty();
    assert!(most <= MOST_DIRTY, "{most} bytes");
    sink.sync().unwrap();
    assert_eq!(memory.cached(0..u64::MAX), 0);
    assert_same(&memory.durable(), &data, "on the disk");
}

#[test]
fn scattered_ranges_are_paced_too() {
    let memory = Memory::device(vec![0; 16 * MIB]);
    let sink = buffered(&memory);
    // 4096 scattered pages: far less than a window, in many ranges.
    for page in (0..4096_u64).step_by(2).chain((1..4096).step_by(2)) {
        sink.write_run(&[&[1; 4096]], page * 4096).unwrap();
    }
    let most = memory.most_dirty();
    assert!(most <= 4 * 512 * 4096, "{most} bytes");
    sink.sync().unwrap();
    assert_eq!(memory.cached(0..u64::MAX), 0);
}

#[test]
fn cached_pages_stay_cached() {
    let data = pattern(64 * MIB);
    let (cached, len) = (21 << 20, 64 << 20);
    let memory = Memory::file(vec![1; 64 * MIB]).with_cached(0..cached);
    let sink = buffered(&memory);
    write_all(&sink, &data);
    assert!(memory.most_dirty() <= MOST_DIRTY);
    sink.sync().unwrap();
    assert_eq!(memory.cached(0..cached), 21 * MIB);
    assert_eq!(memory.cached(cached..len), 0);
    assert_same(&memory.durable(), &data, "on the disk");
}

#[test]
fn if_the_cache_cannot_be_queried_nothing_stays_cached() {
    let memory = Memory::file(vec![1; MIB])
        .with_cached(0..1 << 20)
        .with_fault(Fault::everywhere(Operation::AskCache, ENOSYS));
    let sink = buffered(&memory);
    sink.write_run(&[&pattern(MIB)], 0).unwrap();
    sink.sync().unwrap();
    assert_eq!(memory.cached(0..u64::MAX), 0);
}

#[test]
fn without_pacing_the_sync_does_it_all() {
    let data = pattern(64 * MIB);
    for errno in [ENOSYS, EOPNOTSUPP] {
        let memory =
            Memory::file(vec![]).with_fault(Fault::everywhere(Operation::StartWriteback, errno));
        let sink = buffered(&memory);
        write_all(&sink, &data);
        assert_eq!(memory.dirty(), 64 * MIB);
        sink.sync().unwrap();
        assert_same(&memory.durable(), &data, "on the disk");
        let asked = |(operation, _): &_| *operation == Operation::FinishWriteback;
        assert!(!memory.operations().iter().any(asked));
    }
}

/// The kernel reports it once. If it reports it to pacing, the sync at the end succeeds.
#[test]
fn a_failure_of_the_disk_during_pacing_is_not_lost() {
    let data = pattern(64 * MIB);
    for errno in [EIO, super::ENOSPC, super::EINVAL, EOPNOTSUPP, ENOSYS] {
        let fault = Fault::new(Operation::Writeback, 5_000_000..5_000_001, errno);
        let memory = Memory::file(vec![]).with_fault(fault.once());
        let sink = buffered(&memory);
        let mut failures = 0;
        for (index, chunk) in data.chunks(MIB).enumerate() {
            if let Err(error) = sink.write_run(&[chunk], (index * MIB) as u64) {
                assert_eq!((error.code(), error.errno()), ("sync", Some(errno)));
                failures += 1;
            }
        }
        assert_eq!(failures, 1, "errno {errno}");
        for _ in 0..3 {
            let error = sink.sync().unwrap_err();
            assert_eq!((error.code(), error.errno()), ("sync", Some(errno)));
        }
        assert!(memory.durable() != data, "it is told for nothing");
    }
}

/// As above, but the kernel has written back by itself before.
#[test]
fn a_failure_while_starting_writeback_is_not_lost_either() {
    let fault = Fault::new(Operation::Writeback, 0..1, EIO);
    let memory = Memory::file(vec![]).with_fault(fault.once());
    let sink = buffered(&memory);
    let data = pattern(8 * MIB);
    write_all(&sink, &data[..4 * MIB]);
    memory.write_back();
    let error = (4..8)
        .map(|index| sink.write_run(&[&data[index * MIB..][..MIB]], (index * MIB) as u64))
        .find_map(Result::err);
    assert_eq!(error.unwrap().code(), "sync");
    let calls = memory.operations();
    let mut after = calls.iter().rev().map(|(operation, _)| *operation);
    // The refused data must not be taken for the content of the disk.
    assert_eq!(after.next(), Some(Operation::DropCache));
    assert_eq!(after.next(), Some(Operation::StartWriteback));
    for _ in 0..3 {
        assert_eq!(sink.sync().unwrap_err().code(), "sync");
    }
}
