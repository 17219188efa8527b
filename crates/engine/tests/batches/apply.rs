//! Writing frames.

use std::fs;

use blockcopy_engine::{Algorithm, ApplyOptions, Direct, Kind, ZeroBlocks};
use proptest::prelude::*;

use crate::frames::{Made, lend, make, specs, write_all};
use crate::sides::changes;
use crate::sparse;
use crate::support::{
    ENGINE, MIB, PAGE, apply_options, assert_same, cases, content, digests, direct, file,
    granularity, kind, memory, memory_sink, sink, wait, zeros,
};

/// Expected allocation of the pages of a file.
struct Pages(Vec<Option<bool>>);

impl Pages {
    fn of_data(size: usize) -> Self {
        Self(vec![Some(true); size.div_ceil(PAGE)])
    }

    fn apply(&mut self, frame: &Made, zeros: ZeroBlocks) {
        let range = frame.range();
        let reach = range.end.div_ceil(PAGE).max(self.0.len());
        self.0.resize(reach, Some(false));
        let hole = zeros == ZeroBlocks::MakeHoles && frame.is_zero();
        for page in range.start / PAGE..range.end.div_ceil(PAGE) {
            let whole = range.start <= page * PAGE && (page + 1) * PAGE <= range.end;
            self.0[page] = match (hole, whole, self.0[page]) {
                (false, ..) => Some(true),
                (true, true, _) => Some(false),
                // A part of a page is written as zeros, unless it lies after the end of the file.
                (true, false, _) => None,
            };
        }
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn frames_are_written_in_the_order_given(
        size in 0..2 * MIB,
        specs in specs(),
        zeros in zeros(),
        direct in direct(),
    ) {
        let mut expected = content(size, 9);
        let mut pages = Pages::of_data(size);
        let target = file(&expected);
        let sink = sink(&target, direct);
        let frames = make(&specs, usize::MAX);
        write_all(&frames, &mut expected);
        for frame in &frames {
            pages.apply(frame, zeros);
        }

        let (slab, slot, batch) = lend(&frames);
        let digest = frames.len().is_multiple_of(2).then_some(Algorithm::Blake3);
        let applied = wait(|done| ENGINE.apply(&sink, slot, batch, ApplyOptions { zero_blocks: zeros, digest, expected: None }, done)).unwrap();
        prop_assert!(slab.take(0).is_some(), "the slot is free again");
        wait(|done| ENGINE.sync(&sink, done)).unwrap();
        prop_assert_eq!(applied.lengths, frames.iter().map(|frame| frame.block.len() as u32).collect::<Vec<_>>());
        let expected_digests = digest.map(|digest| digests(digest, frames.iter().map(|frame| &frame.block[..])));
        prop_assert!(applied.digests == expected_digests.unwrap_or_default());
        assert_same(&fs::read(&target).unwrap(), &expected, "the file");

        if sparse::are_possible() {
            let found = sparse::stored(&target);
            for (page, (found, expected)) in found.iter().zip(&pages.0).enumerate() {
                prop_assert!(expected.is_none_or(|expected| expected == *found), "page {} is stored: {}", page, found);
            }
        }
    }

    #[test]
    fn frames_are_written_to_every_kind_of_destination(
        kind in kind(),
        granularity in granularity(),
        specs in specs(),
        zeros in zeros(),
        longest in prop_oneof![3 => Just(usize::MAX), 1 => 5000..600_000_usize],
    ) {
        let mut expected = content(4 * MIB, 9);
        let memory = memory(kind, &expected, granularity).with_longest_transfer(longest);
        let sink = memory_sink(&memory);
        let frames = make(&specs, 4 * MIB);
        write_all(&frames, &mut expected);
        let (_slab, slot, batch) = lend(&frames);
        wait(|done| ENGINE.apply(&sink, slot, batch, apply_options(zeros), done)).unwrap();
        assert_same(&memory.content(), &expected, "what is read");
        wait(|done| ENGINE.sync(&sink, done)).unwrap();
        assert_same(&memory.durable(), &expected, "what is durable");
    }

    #[test]
    fn a_new_destination_becomes_equal_although_zeros_are_left_out(
        kind in kind(),
        batches in prop::collection::vec(specs(), 1..4),
        zeros in zeros(),
    ) {
        let mut expected = vec![0; 4 * MIB];
        let memory = memory(kind, &expected, Some(512));
        let sink = memory_sink(&memory);
        sink.assume_zeros();
        for specs in batches {
            let frames = make(&specs, 4 * MIB);
            write_all(&frames, &mut expected);
            let (_slab, slot, batch) = lend(&frames);
            wait(|done| ENGINE.apply(&sink, slot, batch, apply_options(zeros), done)).unwrap();
            assert_same(&memory.content(), &expected, "what is read");
        }
    }
}

#[test]
fn zeros_are_left_out_where_nothing_was_written_before() {
    let memory = memory(Kind::Device, &vec![0; 4 * MIB], Some(512));
    let sink = memory_sink(&memory);
    sink.assume_zeros();
    let [zeros, data] = [vec![0; MIB / 2], content(MIB / 2, 7)];
    let batches = [
        vec![(0, &zeros), (1, &data), (2, &zeros)],
        vec![(3, &zeros), (4, &data), (6, &zeros)],
        vec![(4, &zeros), (5, &zeros)],
    ];
    for batch in batches {
        let made = |(at, block): (usize, &Vec<u8>)| Made::raw(at * MIB / 2, block.clone());
        let frames: Vec<_> = batch.into_iter().map(made).collect();
        let (_slab, slot, batch) = lend(&frames);
        let options = apply_options(ZeroBlocks::MakeHoles);
        wait(|done| ENGINE.apply(&sink, slot, batch, options, done)).unwrap();
    }
    let halves: Vec<_> = changes(&memory)
        .into_iter()
        .map(|range| range.start * 2 / MIB..range.end * 2 / MIB)
        .collect();
    // The last two become one hole, which begins where something was written.
    assert_eq!(halves, [1..2, 4..5, 4..6]);
}

#[test]
fn zeros_at_the_end_extend_the_file_and_take_no_space() {
    let target = file(&content(100_000, 3));
    let before = sparse::allocated(&target);
    let sink = sink(&target, Direct::Auto);
    let frames = [
        Made::raw(200_000, vec![0; MIB]),
        Made::raw(MIB + 200_000, vec![0; 4567]),
    ];
    let (_slab, slot, batch) = lend(&frames);
    wait(|done| {
        ENGINE.apply(
            &sink,
            slot,
            batch,
            apply_options(ZeroBlocks::MakeHoles),
            done,
        );
    })
    .unwrap();
    wait(|done| ENGINE.sync(&sink, done)).unwrap();
    let mut expected = content(100_000, 3);
    expected.resize(MIB + 204_567, 0);
    assert_same(&fs::read(&target).unwrap(), &expected, "the file");
    if sparse::are_possible() {
        assert!(sparse::allocated(&target) <= before.next_multiple_of(PAGE as u64));
    }
}

#[test]
fn zeros_that_are_written_take_space() {
    let target = file(&[]);
    let sink = sink(&target, Direct::Auto);
    let (_slab, slot, batch) = lend(&[Made::raw(0, vec![0; MIB])]);
    wait(|done| ENGINE.apply(&sink, slot, batch, apply_options(ZeroBlocks::Write), done)).unwrap();
    wait(|done| ENGINE.sync(&sink, done)).unwrap();
    if sparse::are_possible() {
        assert!(sparse::stored(&target).iter().all(|&stored| stored));
        assert!(sparse::allocated(&target) >= MIB as u64);
    }
}
