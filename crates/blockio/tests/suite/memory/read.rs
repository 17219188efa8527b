//! Reading with all combinations of cached data and supported queries.

use blockcopy_blockio::{ALIGNMENT, Direct, Fault, Kind, Memory, Operation, Source};
use proptest::prelude::*;

use super::{EINVAL, EIO, ENOSYS, EOPNOTSUPP, EPERM, PAGE, cases, granularity, kind, memory};
use crate::support::{assert_reads, pattern, read};

const SIZE: usize = 300_000;

/// Returns memory with this content; a device needs a whole number of sectors.
fn content(kind: Kind) -> Vec<u8> {
    pattern(if kind == Kind::File {
        SIZE
    } else {
        SIZE - SIZE % 4096
    })
}

fn direct() -> impl Strategy<Value = Direct> {
    prop_oneof![Just(Direct::Auto), Just(Direct::Off), Just(Direct::On)]
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn reads_return_the_content(
        kind in kind(),
        granularity in granularity(),
        direct in direct(),
        refused in prop::sample::subsequence(vec![
            (Operation::AskCache, ENOSYS),
            (Operation::ReadCache, EOPNOTSUPP),
            (Operation::DirectRead, EINVAL),
        ], 0..=3),
        longest in prop_oneof![Just(usize::MAX), 1000..50_000_usize],
        cached in prop::collection::vec((0..SIZE, 0..100_000_usize), 0..4),
        dirty in prop::option::of((0..SIZE - 50_000, 1..50_000_usize)),
        reads in prop::collection::vec((0..80_usize, 0..40_usize), 1..8),
    ) {
        let refuses = |operation| refused.iter().any(|(refused, _)| *refused == operation);
        prop_assume!(direct != Direct::On || granularity.is_some() && !refuses(Operation::DirectRead));
        let memory = memory(kind, &content(kind), granularity).with_longest_transfer(longest);
        for (operation, errno) in &refused {
            memory.inject(Fault::everywhere(*operation, *errno));
        }
        for (start, len) in cached {
            drop(memory.clone().with_cached(start as u64..(start + len) as u64));
        }
        // Another process has just written this, and it is not on the disk.
        if let Some((start, len)) = dirty {
            let sink = blockcopy_blockio::Sink::in_memory(&memory, Direct::Off).unwrap();
            sink.write_run(&[&vec![0x77; len]], start as u64).unwrap();
        }
        let expected = memory.content();
        let before = memory.cached(0..u64::MAX);
        let source = Source::in_memory(&memory, direct).unwrap();
        prop_assert_eq!((source.size(), source.kind()), (expected.len() as u64, kind));
        let step = source.granularity();
        prop_assert_eq!(step, granularity.filter(|_| direct != Direct::Off).unwrap_or(ALIGNMENT));
        for (start, len) in reads {
            assert_reads(&source, &expected, start * step, len * step);
        }
        assert_reads(&source, &expected, 0, SIZE.next_multiple_of(4096) + 4096);
        // Direct reads do not change the page cache, if it can be queried.
        let after = memory.cached(0..u64::MAX);
        if source.is_direct() && (kind == Kind::Device || !refuses(Operation::AskCache)) {
            prop_assert_eq!(after, before);
        }
        // Nor do other reads, except for the one that turned out not to be direct.
        if !refuses(Operation::ReadCache) && !refuses(Operation::DirectRead) {
            prop_assert!(after <= before, "{before} -> {after} bytes are cached");
        }
    }

    #[test]
    fn the_first_byte_that_cannot_be_read_is_reported(
        granularity in granularity(),
        direct in direct(),
        place in 0..SIZE,
        extent in 1..20_000_usize,
        once in any::<bool>(),
        longest in prop_oneof![Just(usize::MAX), 600..50_000_usize],
        start in 0..30_usize,
        len in 1..50_usize,
    ) {
        prop_assume!(direct != Direct::On || granularity.is_some());
        let range = place as u64..(place + extent) as u64;
        let memory = memory(Kind::Device, &content(Kind::Device), granularity)
            .with_longest_transfer(longest);
        for operation in [Operation::Read, Operation::DirectRead] {
            let fault = Fault::new(operation, range.clone(), EIO);
            memory.inject(if once { fault.once() } else { fault });
        }
        let source = Source::in_memory(&memory, direct).unwrap();
        let size = source.size();
        let (start, len) = (start * ALIGNMENT, len * ALIGNMENT);
        let first = range.start.max(start as u64);
        let met = first < range.end.min(size).min((start + len) as u64);
        match read(&source, start as u64, len) {
            Ok(found) => {
                // A direct read is repeated in steps of the granularity.
                prop_assert!(!met || once && source.is_direct());
                let content = content(Kind::Device);
                let end = (start + len).min(content.len());
                prop_assert!(found == content[start.min(end)..end]);
            }
            Err(error) => {
                prop_assert!(met, "{error}");
                let step = if source.is_direct() { source.granularity() as u64 } else { 1 };
                prop_assert_eq!(error.offset(), Some(first - first % step));
                prop_assert_eq!((error.code(), error.errno()), ("io", Some(EIO)));
            }
        }
    }
}

#[test]
fn cached_parts_of_a_file_are_not_read_from_the_disk() {
    for (kind, directly) in [(Kind::File, false), (Kind::Device, true)] {
        let memory = memory(kind, &content(kind), Some(512)).with_cached(0..u64::MAX);
        let source = Source::in_memory(&memory, Direct::Auto).unwrap();
        assert_reads(&source, &content(kind), 0, 40_960);
        let calls = memory.operations();
        let direct = calls.iter().any(|(done, _)| *done == Operation::DirectRead);
        assert_eq!(direct, directly);
    }
}

/// A query of the page cache may fail for a reason that does not affect reading.
#[test]
fn a_failure_to_query_the_cache_does_not_fail_the_read() {
    let memory = Memory::file(pattern(SIZE))
        .with_cached(0..SIZE as u64)
        .with_fault(Fault::everywhere(Operation::ReadCache, EIO));
    let source = Source::in_memory(&memory, Direct::Off).unwrap();
    assert_reads(&source, &pattern(SIZE), 0, 4096 * 80);
}

/// Old kernels, containers and file systems refuse the query. What other processes have cached must stay cached.
#[test]
fn a_refused_query_of_the_cache_drops_nothing_from_it() {
    for errno in [EPERM, EINVAL, ENOSYS, EOPNOTSUPP] {
        let memory = Memory::file(pattern(SIZE))
            .with_cached(0..SIZE as u64)
            .with_fault(Fault::everywhere(Operation::ReadCache, errno));
        let source = Source::in_memory(&memory, Direct::Off).unwrap();
        let cached = memory.cached(0..SIZE as u64);
        assert_reads(&source, &pattern(SIZE), 0, 4096 * 80);
        assert_eq!(memory.cached(0..SIZE as u64), cached, "{errno}");
    }
}

#[test]
fn a_truncated_file_ends_where_it_ends() {
    for direct in [Direct::Auto, Direct::On, Direct::Off] {
        for query in [None, Some(ENOSYS)] {
            let memory = Memory::file(pattern(SIZE)).with_cached(0..SIZE as u64);
            if let Some(errno) = query {
                memory.inject(Fault::everywhere(Operation::AskCache, errno));
            }
            let source = Source::in_memory(&memory, direct).unwrap();
            memory.set_len(5000);
            assert_reads(&source, &pattern(5000), 0, 65_536);
            assert_reads(&source, &pattern(5000), 8192, 65_536);
        }
    }
}

/// Without cachestat(2), a read of the cache starts to read what is not cached, although that is read directly as well.
#[test]
fn a_cache_that_cannot_be_queried_is_read_in_growing_steps_and_stays_as_it_is() {
    let page = |pages: u64| pages * PAGE as u64;
    let memory = Memory::file(pattern(100 * PAGE))
        .with_granularity(Some(512))
        .with_cached(0..page(60))
        .with_cached(page(80)..page(100))
        .with_fault(Fault::everywhere(Operation::AskCache, ENOSYS));
    let source = Source::in_memory(&memory, Direct::Auto).unwrap();
    assert_reads(&source, &pattern(100 * PAGE), 0, 80 * PAGE);
    assert_reads(&source, &pattern(100 * PAGE), 60 * PAGE, 20 * PAGE);

    let calls = memory.operations();
    let of = |operation| {
        let same = calls.iter().filter(move |(done, _)| *done == operation);
        same.map(|(_, range)| range.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(Operation::AskCache).len(), 1);
    let asked = [
        0..page(1),
        page(1)..page(16),
        page(16)..page(80),
        page(60)..page(80),
        page(60)..page(61),
    ];
    assert_eq!(of(Operation::ReadCache), asked);
    assert_eq!(memory.cached(0..page(60)), 60 * PAGE);
    assert_eq!(memory.cached(page(60)..page(100)), 20 * PAGE);
}
