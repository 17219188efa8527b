//! Number of calls, and separation of direct and cached pages.

use std::collections::BTreeSet;
use std::ops::Range;

use blockcopy_blockio::{Direct, Kind, Memory, Operation, Sink};
use proptest::prelude::*;

use super::{MIB, PAGE, cases, granularity, kind, memory, placed, sink};
use crate::support::pattern;

fn ranges(memory: &Memory, operation: Operation) -> Vec<Range<u64>> {
    let calls = memory.operations().into_iter();
    calls
        .filter(|(done, _)| *done == operation)
        .map(|(_, range)| range)
        .collect()
}

fn pages(ranges: &[Range<u64>]) -> BTreeSet<u64> {
    let page = PAGE as u64;
    let of = |range: &Range<u64>| range.start / page..range.end.div_ceil(page);
    ranges.iter().flat_map(of).collect()
}

#[test]
fn adjacent_blocks_are_written_together_a_mebibyte_at_a_time() {
    let data = pattern(4 * MIB);
    let blocks: Vec<&[u8]> = data.chunks(128 * 1024).collect();
    let memory = Memory::device(vec![0; 4 * MIB]);
    sink(&memory).write_run(&blocks, 0).unwrap();
    let expected: Vec<_> = (0..4).map(|at| at << 20..(at + 1) << 20).collect();
    assert_eq!(ranges(&memory, Operation::DirectWrite), expected);
    assert_eq!(memory.operations().len(), 4);
}

#[test]
fn aligned_memory_is_written_without_a_copy() {
    let data = placed(&pattern(MIB), 0);
    let memory = Memory::device(vec![0; MIB]);
    sink(&memory).write_run(&[&data], 0).unwrap();
    assert_eq!(
        memory.operations(),
        [(Operation::DirectWrite, 0..MIB as u64)]
    );
}

#[test]
fn unaligned_ends_go_through_the_page_cache_and_whole_pages_do_not() {
    let memory = Memory::device(vec![0; MIB]);
    let sink = sink(&memory);
    sink.write_run(&[&pattern(100_000)], 5000).unwrap();
    let mut calls = memory.operations();
    calls.retain(|(operation, _)| *operation != Operation::AskCache);
    let expected = [
        (Operation::Write, 5000..8192),
        (Operation::DirectWrite, 8192..102_400),
        (Operation::Write, 102_400..105_000),
    ];
    assert_eq!(calls, expected);
    // These contain no whole page.
    sink.write_run(&[&pattern(4000)], 200_000).unwrap();
    sink.write_run(&[&pattern(4096)], 300_000).unwrap();
    assert_eq!(ranges(&memory, Operation::DirectWrite).len(), 1);
}

#[test]
fn a_zeroed_range_is_one_call() {
    for kind in [Kind::File, Kind::Device] {
        let memory = memory(kind, &vec![1; 4 * MIB], Some(4096));
        sink(&memory).zero(0, 4 << 20).unwrap();
        assert_eq!(memory.operations(), [(Operation::PunchHole, 0..4 << 20)]);
        assert_eq!(memory.allocated(), 0);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn no_page_of_a_write_goes_both_ways(
        kind in kind(),
        granularity in granularity(),
        offset in 0..50_000_usize,
        lens in prop::collection::vec(0..30_000_usize, 1..5),
    ) {
        let memory = memory(kind, &vec![0; 256 * 1024], granularity);
        let data = pattern(30_000);
        let parts: Vec<&[u8]> = lens.iter().map(|&len| &data[..len]).collect();
        sink(&memory).write_run(&parts, offset as u64).unwrap();
        let direct = pages(&ranges(&memory, Operation::DirectWrite));
        let buffered = pages(&ranges(&memory, Operation::Write));
        prop_assert!(direct.is_disjoint(&buffered), "{direct:?} {buffered:?}");
        // Everything that can be written directly is.
        let end = offset + lens.iter().sum::<usize>();
        let whole = (end / PAGE).saturating_sub(offset.div_ceil(PAGE));
        prop_assert_eq!(direct.len(), if granularity.is_some() { whole } else { 0 });
    }

    /// With direct I/O off, there are no direct writes.
    #[test]
    fn direct_io_off_makes_no_direct_writes(granularity in granularity(), offset in 0..50_000_usize) {
        let memory = memory(Kind::Device, &vec![0; 256 * 1024], granularity);
        let sink = Sink::in_memory(&memory, Direct::Off).unwrap();
        sink.write_run(&[&pattern(100_000)], offset as u64).unwrap();
        sink.zero(offset as u64, 100_000).unwrap();
        sink.sync().unwrap();
        prop_assert!(ranges(&memory, Operation::DirectWrite).is_empty());
        prop_assert!(!sink.is_direct());
    }
}
