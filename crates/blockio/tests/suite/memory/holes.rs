//! Finding holes: what is found equals a list that is kept separately.

use blockcopy_blockio::{Direct, Fault, Memory, Operation, Sink, Source};
use proptest::prelude::*;

use super::{EINVAL, EIO, EOPNOTSUPP, PAGE, cases};
use crate::support::pattern;

fn source(memory: &Memory) -> Source {
    Source::in_memory(memory, Direct::Auto).unwrap()
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn holes_are_found(
        size in 1..100_000_usize,
        punched in prop::collection::vec((0..25_usize, 1..6_usize), 0..6),
        asked in prop::collection::vec((0..110_000_usize, 0..30_000_usize), 1..20),
    ) {
        let mut memory = Memory::file(pattern(size));
        let mut hole = vec![false; size];
        for (start, len) in punched {
            let range = start * PAGE..(start + len) * PAGE;
            memory = memory.with_hole(range.start as u64..range.end as u64);
            hole[range.start.min(size)..range.end.min(size)].fill(true);
        }
        let source = source(&memory);
        for (offset, len) in asked {
            let found = source.data_from(offset as u64);
            let from = (offset..size).find(|&at| !hole[at]).unwrap_or(size);
            let to = (from..size).find(|&at| hole[at]).unwrap_or(size);
            prop_assert_eq!(found, from as u64..to as u64, "from {}", offset);
            let range = offset.min(size)..(offset + len).min(size);
            let expected = !range.is_empty() && hole[range].iter().all(|&hole| hole);
            prop_assert_eq!(source.is_hole(offset as u64, len as u64), expected);
        }
    }
}

#[test]
fn without_information_about_holes_everything_is_data() {
    for errno in [EINVAL, EOPNOTSUPP, EIO] {
        let memory = Memory::file(pattern(100_000))
            .with_hole(0..100_000)
            .with_fault(Fault::everywhere(Operation::Seek, errno));
        let source = source(&memory);
        assert_eq!(source.data_from(5000), 5000..100_000);
        assert!(!source.is_hole(0, 4096));
    }
    let device = source(&Memory::device(vec![0; 65_536]));
    assert_eq!(device.data_from(0), 0..65_536);
    assert!(!device.is_hole(0, 4096));
}

#[test]
fn after_the_end_there_is_neither_data_nor_hole() {
    let source = source(&Memory::file(vec![]));
    assert_eq!(source.data_from(0), 0..0);
    assert!(!source.is_hole(0, 4096));
    assert!(!source.is_hole(u64::MAX, u64::MAX));
}

#[test]
fn a_truncated_file_has_no_hole_there() {
    let memory = Memory::file(pattern(100_000)).with_hole(8192..100_000);
    let source = source(&memory);
    assert!(source.is_hole(8192, 91_808));
    memory.set_len(50_000);
    assert_eq!(source.data_from(8192), 8192..100_000);
    assert!(!source.is_hole(8192, 4096));
    assert!(!source.is_hole(60_000, 4096));
}

#[test]
fn a_file_that_grew_ends_at_its_old_end() {
    let memory = Memory::file(pattern(10_000));
    let source = source(&memory);
    memory.set_len(100_000);
    assert_eq!(source.data_from(0), 0..10_000);
    assert_eq!(source.data_from(20_000), 10_000..10_000);
}

#[test]
fn what_is_not_on_the_disk_yet_is_no_hole() {
    let memory = Memory::file(pattern(100_000))
        .with_hole(0..100_000)
        .with_hidden_data();
    let sink = Sink::in_memory(&memory, Direct::Off).unwrap();
    let source = source(&memory);
    sink.write_run(&[&pattern(5000)], 40_960).unwrap();
    assert!(source.is_hole(0, 40_960));
    assert!(!source.is_hole(40_960, 4096));
    sink.write_run(&[&pattern(10)], 81_920).unwrap();
    // Of the second page nothing was asked so far.
    assert_eq!(source.data_from(0), 40_960..45_056);
    assert_eq!(source.data_from(45_056), 45_056..49_152);
    assert_eq!(source.data_from(49_152), 81_920..86_016);
}

#[test]
fn where_nothing_can_be_written_back_the_report_counts() {
    for (errno, is_hole) in [(EOPNOTSUPP, true), (EIO, false)] {
        let memory = Memory::file(pattern(100_000))
            .with_hole(0..8192)
            .with_fault(Fault::everywhere(Operation::FinishWriteback, errno));
        assert_eq!(source(&memory).is_hole(0, 8192), is_hole);
    }
}
