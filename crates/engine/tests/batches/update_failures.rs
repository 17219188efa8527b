//! Failing updates.

use std::ops::Range;

use blockcopy_blockio::{Fault, Operation};
use blockcopy_engine::{Kind, ZeroBlocks};
use proptest::prelude::*;

use crate::sides::{Sides, block_len, changes, oracle, pair, room};
use crate::sparse::first_of_hole;
use crate::support::{
    EIO, ENGINE, MIB, PAGE, assert_same, cases, content, granularity, kind, memory, update_options,
    wait, zeros,
};

const SIZE: usize = 3 * MIB;

/// Generates sides of the same length; some blocks of 64 KiB differ and some are zeros.
fn sides() -> impl Strategy<Value = Sides> {
    prop::collection::vec(0..4_u8, SIZE / 65_536).prop_map(|blocks| {
        let target = content(SIZE, 3);
        let mut source = target.clone();
        for (block, how) in source.chunks_mut(65_536).zip(blocks) {
            match how {
                0 => block[700] ^= 1,
                1 => block.fill(0),
                _ => {}
            }
        }
        Sides { source, target }
    })
}

fn meets(block: &Range<usize>, fault: &Range<usize>) -> bool {
    block.start < fault.end && fault.start < block.end
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_failed_write_is_reported_with_its_offset(
        sides in sides(),
        kind in kind(),
        granularity in granularity(),
        block_len in block_len(),
        zeros in zeros(),
        page in 0..SIZE / PAGE,
        pages in 1..40_usize,
    ) {
        let fault = page * PAGE..((page + pages) * PAGE).min(SIZE);
        let source = memory(Kind::File, &sides.source, granularity);
        let target = memory(kind, &sides.target, granularity);
        for operation in [Operation::Write, Operation::DirectWrite, Operation::PunchHole, Operation::ZeroRange, Operation::ZeroOut] {
            target.inject(Fault::new(operation, fault.start as u64..fault.end as u64, EIO));
        }
        let pair = pair(&source, &target);
        let (expected, changed) = oracle(&sides, (0, SIZE), block_len);
        let result = wait(|done| ENGINE.update(&pair, room(SIZE, 0xAA), update_options(0, SIZE as u64, block_len, zeros), done));
        match changed.iter().position(|block| meets(block, &fault)) {
            None => {
                prop_assert!(result.is_ok());
                assert_same(&target.content(), &expected, "what is read");
            }
            Some(number) => {
                let error = result.unwrap_err();
                prop_assert_eq!((error.code(), error.errno()), ("io", Some(EIO)));
                let met = changed[number].start.max(fault.start);
                let zero = |block: &Range<usize>| sides.source[block.clone()].iter().all(|&byte| byte == 0);
                let hole = |block: &Range<usize>| (block.clone(), zeros == ZeroBlocks::MakeHoles && zero(block));
                let blocks: Vec<_> = changed.iter().map(hole).collect();
                let first = first_of_hole(&blocks, number);
                let expected = if blocks[number].1 { changed[first].start..=met } else { met..=met };
                let offset = error.offset().unwrap() as usize;
                prop_assert!(expected.contains(&offset), "{} is not within {:?}", offset, expected);
                let found = target.content();
                for block in &changed[..first] {
                    assert_same(&found[block.clone()], &sides.source[block.clone()], "before it");
                }
            }
        }
    }

    #[test]
    fn a_failed_read_is_reported_with_its_offset(
        sides in sides(),
        granularity in granularity(),
        block_len in block_len(),
        of_source in any::<bool>(),
        page in 0..SIZE / PAGE,
    ) {
        let fault = (page * PAGE) as u64..(page * PAGE + 1) as u64;
        let source = memory(Kind::File, &sides.source, granularity);
        let target = memory(Kind::File, &sides.target, granularity);
        let broken = if of_source { &source } else { &target };
        for operation in [Operation::Read, Operation::DirectRead] {
            broken.inject(Fault::new(operation, fault.clone(), EIO));
        }
        let pair = pair(&source, &target);
        let zeros = ZeroBlocks::Write;
        let error = wait(|done| ENGINE.update(&pair, room(SIZE, 0xAA), update_options(0, SIZE as u64, block_len, zeros), done)).unwrap_err();
        prop_assert_eq!((error.errno(), error.offset()), (Some(EIO), Some(fault.start)));
        // Nothing is written there, because nothing was compared.
        for change in changes(&target) {
            prop_assert!(!change.contains(&(page * PAGE)), "{:?}", change);
        }
    }
}

#[test]
fn a_side_that_became_shorter_is_an_error() {
    for of_source in [true, false] {
        let source = memory(Kind::File, &content(SIZE, 3), Some(512));
        let target = memory(Kind::File, &content(SIZE, 3), Some(512));
        let pair = pair(&source, &target);
        let cut = if of_source { &source } else { &target };
        cut.set_len(MIB + 100);
        let (length, zeros) = (SIZE as u64, ZeroBlocks::MakeHoles);
        let error = wait(|done| {
            ENGINE.update(
                &pair,
                room(SIZE, 0xAA),
                update_options(0, length, 131_072, zeros),
                done,
            );
        })
        .unwrap_err();
        let place = Some(MIB as u64 + 100);
        assert_eq!((error.code(), error.offset()), ("shrank", place), "{error}");
    }
}
