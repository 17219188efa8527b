//! Updating a destination from its source.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use blockcopy_blockio::{Memory, Operation};
use blockcopy_engine::{Direct, Kind, Pair, UpdateOptions, Updated, ZeroBlocks};
use proptest::prelude::*;

use crate::sides::{Sides, block_len, changes, oracle, pair, range, room, sides, updated};
use crate::sparse::{are_possible, pattern, sparse, stored, wanted};
use crate::support::{
    ENGINE, MIB, PAGE, assert_same, cases, content, direct, granularity, kind, memory, sink,
    source, update_options, wait, zeros,
};

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn the_target_becomes_equal_within_the_range_and_stays_as_it_is_outside(
        sides in sides(),
        holes in [pattern(), pattern()],
        (start, end) in (0.0..1.0_f64, 0.0..1.0_f64),
        whole in any::<bool>(),
        block_len in block_len(),
        zeros in zeros(),
        direct in direct(),
        fill in prop_oneof![Just(0), Just(0xAA)],
    ) {
        let [source_file, target_file] = [(&sides.source, holes[0]), (&sides.target, holes[1])]
            .map(|(content, holes)| sparse(content, |page| wanted(holes, page)));
        let source = source(&source_file, direct);
        let sink = sink(&target_file, direct);
        let pair = Pair { source, destination: sink.reader(direct).unwrap().into(), sink };
        let range = range(sides.source.len(), start, end, whole);
        let (expected, changed) = oracle(&sides, range, block_len);

        let (position, length) = (range.0 as u64, (range.1 - range.0) as u64);
        let slot = room(range.1 - range.0, fill);
        let found = wait(|done| ENGINE.update(&pair, slot, update_options(position, length, block_len, zeros), done)).unwrap();
        wait(|done| ENGINE.sync(&pair.sink, done)).unwrap();
        prop_assert_eq!(found, updated(&changed));
        assert_same(&fs::read(&target_file).unwrap(), &expected, "the target");
        assert_same(&fs::read(&source_file).unwrap(), &sides.source, "the source");

        if are_possible() {
            let stored = stored(&target_file);
            for block in &changed {
                let hole = zeros == ZeroBlocks::MakeHoles && sides.source[block.clone()].iter().all(|&byte| byte == 0);
                let whole = block.start / PAGE..block.end / PAGE;
                prop_assert!(stored[whole].iter().all(|&stored| stored != hole), "{:?}: {}", block, hole);
            }
        }
    }

    #[test]
    fn only_blocks_that_differ_are_written(
        sides in sides(),
        kind in kind(),
        granularity in granularity(),
        block_len in block_len(),
        zeros in zeros(),
    ) {
        // A device cannot grow, and has whole sectors.
        let mut sides = sides;
        if kind == Kind::Device {
            sides.source.resize(sides.source.len().next_multiple_of(PAGE), 0);
            sides.target.resize(sides.source.len(), 0);
        }
        let source = memory(Kind::File, &sides.source, granularity);
        let target = memory(kind, &sides.target, granularity);
        let pair = pair(&source, &target);
        let range = (0, sides.source.len());
        let (expected, changed) = oracle(&sides, range, block_len);
        let slot = room(range.1, 0xAA);
        let found = wait(|done| ENGINE.update(&pair, slot, update_options(0, range.1 as u64, block_len, zeros), done)).unwrap();
        prop_assert_eq!(found, updated(&changed));

        let mut touched = vec![false; expected.len()];
        for block in &changed {
            touched[block.clone()].fill(true);
        }
        for change in changes(&target) {
            prop_assert!(touched[change.clone()].iter().all(|&touched| touched), "{:?}", change);
        }
        wait(|done| ENGINE.sync(&pair.sink, done)).unwrap();
        assert_same(&target.content(), &expected, "what is read");
        assert_same(&target.durable(), &expected, "what is durable");
        prop_assert!(changes(&source).is_empty());
    }
}

#[test]
fn a_file_that_is_equal_is_not_written() {
    let mut same = content(3 * MIB + 777, 5);
    same[MIB..2 * MIB].fill(0);
    let source_file = sparse(&same, |page| page % 3 == 0);
    let target_file = sparse(&same, |page| page % 2 == 0);
    target_file.as_file().sync_all().unwrap();
    let before = fs::metadata(&target_file).unwrap();
    let sink = sink(&target_file, Direct::Auto);
    let pair = Pair {
        source: source(&source_file, Direct::Auto),
        destination: sink.reader(Direct::Auto).unwrap().into(),
        sink,
    };
    let length = same.len() as u64;
    for zeros in [ZeroBlocks::Write, ZeroBlocks::MakeHoles] {
        let slot = room(same.len(), 0xAA);
        let found = wait(|done| {
            ENGINE.update(&pair, slot, update_options(0, length, 131_072, zeros), done);
        });
        assert_eq!(found.unwrap(), Updated::default());
        wait(|done| ENGINE.sync(&pair.sink, done)).unwrap();
    }
    let after = fs::metadata(&target_file).unwrap();
    let times = |found: &fs::Metadata| (found.mtime(), found.mtime_nsec(), found.ctime_nsec());
    assert_eq!(times(&after), times(&before));
    assert_eq!(after.blocks(), before.blocks());
}

#[test]
fn holes_on_both_sides_are_not_read() {
    let mut same = content(4 * MIB, 5);
    same[MIB..3 * MIB].fill(0);
    let [source, target] =
        [(); 2].map(|()| Memory::file(&same[..]).with_hole(MIB as u64..3 * MIB as u64));
    let pair = pair(&source, &target);
    let slot = room(same.len(), 0xAA);
    let length = same.len() as u64;
    let found = wait(|done| {
        ENGINE.update(
            &pair,
            slot,
            update_options(0, length, 131_072, ZeroBlocks::Write),
            done,
        );
    });
    assert_eq!(found.unwrap(), Updated::default());
    for memory in [source, target] {
        let reads = memory
            .operations()
            .into_iter()
            .filter(|(operation, range)| {
                matches!(operation, Operation::Read | Operation::DirectRead)
                    && range.start < 3 * MIB as u64
                    && MIB as u64 <= range.start
            });
        assert_eq!(reads.count(), 0);
    }
}

#[test]
fn data_that_is_presumed_to_differ_is_not_read_and_holes_are_compared() {
    let mut same = content(4 * MIB, 5);
    same[MIB..3 * MIB].fill(0);
    let source = Memory::file(&same[..]);
    let target = Memory::file(&same[..]).with_hole(MIB as u64..3 * MIB as u64);
    let pair = pair(&source, &target);
    let options = UpdateOptions {
        presume: true,
        ..update_options(0, 4 * MIB as u64, 131_072, ZeroBlocks::Write)
    };
    let slot = room(4 * MIB, 0xAA);
    let found = wait(|done| ENGINE.update(&pair, slot, options, done)).unwrap();
    assert_eq!(found.changed, 2 * MIB as u64);
    let touched = |range: &Range<usize>| range.start < MIB || range.start >= 3 * MIB;
    assert!(changes(&target).iter().all(touched));
    let reads = target.operations().into_iter();
    assert!(
        !reads
            .map(|(operation, _)| operation)
            .any(|operation| matches!(operation, Operation::Read | Operation::DirectRead))
    );
    assert_same(&target.content(), &same, "the target");
}

#[test]
fn zeros_after_the_end_of_the_target_extend_it() {
    let mut source = content(MIB, 5);
    source.resize(3 * MIB + 300_000, 0);
    for size in [MIB, MIB + 5, 2 * MIB, 3 * MIB + 8192, 3 * MIB + 299_999] {
        let target = source[..size].to_vec();
        let sides = Sides {
            source: source.clone(),
            target,
        };
        let length = source.len();
        let (expected, changed) = oracle(&sides, (0, length), 131_072);
        for (holes, zeros) in [
            (false, ZeroBlocks::Write),
            (false, ZeroBlocks::MakeHoles),
            (true, ZeroBlocks::Write),
            (true, ZeroBlocks::MakeHoles),
        ] {
            let [source, target] = [&sides.source, &sides.target].map(|content| {
                let end = if holes { content.len() } else { MIB };
                Memory::file(&content[..]).with_hole(MIB as u64..end as u64)
            });
            let pair = pair(&source, &target);
            // The slot holds this content for the missing part of the target.
            let slot = room(length, 0);
            let found = wait(|done| {
                ENGINE.update(
                    &pair,
                    slot,
                    update_options(0, length as u64, 131_072, zeros),
                    done,
                );
            });
            wait(|done| ENGINE.sync(&pair.sink, done)).unwrap();
            assert_eq!(
                found.unwrap(),
                updated(&changed),
                "{size} {holes} {zeros:?}"
            );
            assert_same(&target.durable(), &expected, "the target");
        }
    }
}

#[test]
fn a_hole_extends_a_target_that_is_a_shorter_hole() {
    const SIZE: usize = 100_000;
    for size in [0, 4096, 8192] {
        let source = Memory::file(vec![0; SIZE]).with_hole(0..SIZE as u64);
        let target = Memory::file(vec![0; size]).with_hole(0..size as u64);
        let pair = pair(&source, &target);
        let options = update_options(0, SIZE as u64, 131_072, ZeroBlocks::MakeHoles);
        wait(|done| ENGINE.update(&pair, room(SIZE, 0xAA), options, done)).unwrap();
        wait(|done| ENGINE.sync(&pair.sink, done)).unwrap();
        assert_same(&target.durable(), &vec![0; SIZE], "the target");
    }
}
