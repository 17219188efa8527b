//! Failures to write frames.

use blockcopy_blockio::{Fault, Operation};
use blockcopy_engine::{Codec, Frame, Kind, ZeroBlocks};
use proptest::prelude::*;

use crate::frames::{Made, lend, make, specs, write_all};
use crate::sparse::first_of_hole;
use crate::support::{
    EIO, ENGINE, MIB, PAGE, apply_options, assert_same, cases, content, granularity, kind, memory,
    memory_sink, slab, wait, zeros,
};

const SIZE: usize = 4 * MIB;

/// Operations that change a byte.
const CHANGES: [Operation; 5] = [
    Operation::Write,
    Operation::DirectWrite,
    Operation::PunchHole,
    Operation::ZeroRange,
    Operation::ZeroOut,
];

/// Checks that the frames `before` have been written and nothing else, except for the ranges of the frames `after`.
fn assert_written(before: &[Made], after: &[Made], found: &[u8]) {
    let mut expected = content(SIZE, 9);
    write_all(before, &mut expected);
    for frame in after {
        let range = frame.range();
        expected[range.clone()].copy_from_slice(&found[range]);
    }
    assert_same(found, &expected, "what is read");
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn a_fault_is_reported_at_the_first_offset_in_the_order_of_the_frames(
        kind in kind(),
        granularity in granularity(),
        specs in specs(),
        zeros in zeros(),
        page in 0..SIZE / PAGE,
        pages in 1..60_usize,
    ) {
        let fault = page * PAGE..((page + pages) * PAGE).min(SIZE);
        let memory = memory(kind, &content(SIZE, 9), granularity);
        for operation in CHANGES {
            memory.inject(Fault::new(operation, fault.start as u64..fault.end as u64, EIO));
        }
        let frames = make(&specs, SIZE);
        let meets = |frame: &Made| frame.position < fault.end && fault.start < frame.range().end;
        let failed = frames.iter().position(meets);

        let sink = memory_sink(&memory);
        let (slab, slot, batch) = lend(&frames);
        let result = wait(|done| ENGINE.apply(&sink, slot, batch, apply_options(zeros), done));
        prop_assert!(slab.take(0).is_some(), "the slot is free again");
        let Some(failed) = failed else {
            prop_assert!(result.is_ok());
            return Ok(());
        };
        let error = result.unwrap_err();
        prop_assert_eq!((error.code(), error.errno()), ("io", Some(EIO)));
        let met = frames[failed].position.max(fault.start);
        let hole = |frame: &Made| (frame.range(), zeros == ZeroBlocks::MakeHoles && frame.is_zero());
        let blocks: Vec<_> = frames.iter().map(hole).collect();
        let first = first_of_hole(&blocks, failed);
        let expected = if blocks[failed].1 { frames[first].position..=met } else { met..=met };
        let offset = error.offset().unwrap() as usize;
        prop_assert!(expected.contains(&offset), "{} is not within {:?}", offset, expected);
        assert_written(&frames[..first], &frames[first..], &memory.content());
    }

    #[test]
    fn frames_before_a_damaged_one_are_written(
        specs in specs(),
        zeros in zeros(),
        which in any::<prop::sample::Index>(),
    ) {
        let mut frames = make(&specs, SIZE);
        prop_assume!(!frames.is_empty());
        let damaged = which.index(frames.len());
        frames[damaged].damage();
        let memory = memory(Kind::File, &content(SIZE, 9), Some(512));
        let sink = memory_sink(&memory);
        let (_slab, slot, batch) = lend(&frames);
        let error = wait(|done| ENGINE.apply(&sink, slot, batch, apply_options(zeros), done)).unwrap_err();
        let position = frames[damaged].position as u64;
        prop_assert_eq!((error.code(), error.offset()), ("corrupt-block", Some(position)));
        assert_written(&frames[..damaged], &frames[damaged + 1..], &memory.content());
    }

    #[test]
    fn frames_before_one_beyond_the_end_of_a_device_are_written(
        specs in specs(),
        zeros in zeros(),
        length in 1..200_000_usize,
        beyond in 1..200_000_usize,
        zero in any::<bool>(),
    ) {
        let mut frames = make(&specs, SIZE);
        let length = length.max(beyond);
        let position = SIZE + beyond - length;
        // Two adjacent frames; only the first one fits.
        let bytes = u8::from(!zero);
        frames.push(Made::raw(position - 70_000, vec![bytes; 70_000]));
        let fitting = frames.len();
        frames.push(Made::raw(position, vec![bytes; length]));
        let memory = memory(Kind::Device, &content(SIZE, 9), Some(512));
        let sink = memory_sink(&memory);
        let (_slab, slot, batch) = lend(&frames);
        let error = wait(|done| ENGINE.apply(&sink, slot, batch, apply_options(zeros), done)).unwrap_err();
        prop_assert_eq!((error.code(), error.offset()), ("beyond-end", Some(position as u64)));
        assert_written(&frames[..fitting], &[], &memory.content());
    }

    #[test]
    fn a_failed_writeback_never_counts_as_success(
        kind in kind(),
        granularity in granularity(),
        specs in specs(),
        zeros in zeros(),
        operation in prop_oneof![Just(Operation::Writeback), Just(Operation::Sync)],
        page in 0..SIZE / PAGE,
    ) {
        let place = (page * PAGE) as u64;
        let memory = memory(kind, &content(SIZE, 9), granularity)
            .with_fault(Fault::new(operation, place..place + 300_000, EIO).once());
        let sink = memory_sink(&memory);
        let frames = make(&specs, SIZE);
        let (_slab, slot, batch) = lend(&frames);
        let applied = wait(|done| ENGINE.apply(&sink, slot, batch, apply_options(zeros), done));
        let synced = wait(|done| ENGINE.sync(&sink, done));
        if applied.is_ok() && synced.is_ok() {
            let mut expected = content(SIZE, 9);
            write_all(&frames, &mut expected);
            assert_same(&memory.durable(), &expected, "what is durable");
        } else {
            prop_assert!(wait(|done| ENGINE.sync(&sink, done)).is_err(), "it is told again");
        }
    }
}

#[test]
fn a_payload_outside_its_slot_is_refused() {
    let memory = memory(Kind::File, &content(SIZE, 9), Some(512));
    let sink = memory_sink(&memory);
    let slab = slab();
    let end = slab.slot_len();
    for (offset, length) in [(end - 10, 11), (end + 1, 0), (usize::MAX, 2)] {
        let frame = Frame {
            position: 0,
            codec: Codec::Raw,
            offset,
            length,
            block: None,
            most: None,
        };
        let slot = slab.take(0).expect("the slot is free again");
        let error = wait(|done| {
            ENGINE.apply(
                &sink,
                slot,
                vec![frame],
                apply_options(ZeroBlocks::Write),
                done,
            );
        })
        .unwrap_err();
        assert_eq!(error.code(), "internal", "{offset} {length}");
    }
    assert_same(&memory.content(), &content(SIZE, 9), "what is read");
}
