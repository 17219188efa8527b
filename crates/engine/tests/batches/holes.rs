//! Sources with holes: the same digests and blocks as for written zeros, without reading them.

use std::sync::Arc;

use blockcopy_blockio::{Fault, Memory, Operation};
use blockcopy_engine::{
    Algorithm, Blocks, ChangedBlock, Codec, Comparison, Compression, Digests, Direct, Extent,
    Preset, Slab, Slot, Source, codec,
};
use proptest::prelude::*;

use crate::sparse::{are_possible, pattern, sparse, wanted};
use crate::support::{
    EIO, ENGINE, MIB, algorithm, assert_same, cases, coded, content, digests, direct,
    memory_source, source, wait,
};

/// Returns alternating stretches of bytes and zeros of these lengths.
fn by_turns(lengths: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (&length, number) in lengths.iter().zip(0..) {
        if number % 2 == 0 {
            bytes.extend(content(length, number));
        } else {
            bytes.resize(bytes.len() + length, 0);
        }
    }
    bytes
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![
        1..20_000_usize,
        (1..60_usize).prop_map(|pages| pages * 4096),
        100_000..MIB
    ];
    prop::collection::vec(length, 0..9)
}

fn block_len() -> impl Strategy<Value = u32> {
    prop_oneof![Just(131_072_u32), Just(4096), 1000..300_000_u32]
}

/// Returns a slot that is filled with other bytes than zeros.
fn dirty(slab: &Arc<Slab>) -> Slot {
    let mut slot = slab.take(0).expect("the slot is free again");
    slot.fill(0xAA);
    slot
}

/// Returns the blocks of a diff, each with its position.
fn payloads(slot: &[u8], changed: &[ChangedBlock]) -> Vec<(u64, Vec<u8>)> {
    let payload = |block: &ChangedBlock| {
        let payload = &slot[block.offset..][..block.length];
        let decoded = codec::decode(block.codec, payload, Some(block.block));
        decoded.unwrap().into_owned()
    };
    changed
        .iter()
        .map(|block| (block.position, payload(block)))
        .collect()
}

/// Runs a diff in a dirty slot.
fn diff(
    source: &Arc<Source>,
    extents: &[Extent],
    digests: Option<Digests>,
    compress: bool,
) -> (Vec<ChangedBlock>, Vec<(u64, Vec<u8>)>) {
    let slab = Slab::new(1, 12 * MIB).unwrap();
    let compression = if compress {
        Compression::Xz(Preset::DEFAULT)
    } else {
        Compression::None
    };
    let slot = dirty(&slab);
    let theirs = digests.map_or(Comparison::Nothing(None), Comparison::Digests);
    let diff = wait(|done| ENGINE.diff(source, slot, extents, theirs, coded(compression), done));
    let changed = diff.unwrap().changed;
    let slot = slab.take(0).expect("the slot is free again");
    let payloads = payloads(&slot, &changed);
    (changed, payloads)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_scan_of_holes_returns_the_digests_of_zeros(
        lengths in lengths(),
        written in pattern(),
        start in 0.0..1.0_f64,
        block_len in block_len(),
        algorithm in algorithm(),
        direct in direct(),
    ) {
        let content = by_turns(&lengths);
        // Some of the zeros are holes and some are not.
        let file = sparse(&content, |page| wanted(written, page));
        let source = source(&file, direct);
        let slab = Slab::new(1, 12 * MIB).unwrap();
        let start = (start * content.len() as f64) as usize;
        let blocks = Blocks { length: (content.len() - start) as u64, block_len, algorithm };
        let found = wait(|done| ENGINE.scan(&source, dirty(&slab), start as u64, blocks, done)).unwrap();
        let expected = digests(algorithm, content[start..].chunks(block_len as usize));
        prop_assert!(found == expected);
    }

    #[test]
    fn a_diff_of_holes_sends_zeros(
        lengths in lengths(),
        written in pattern(),
        blocks in prop::collection::vec((0_usize..4 * MIB, 1_u32..300_000, any::<bool>(), any::<bool>()), 0..12),
        algorithm in algorithm(),
        compress in prop::bool::weighted(0.3),
        direct in direct(),
    ) {
        let content = by_turns(&lengths);
        let file = sparse(&content, |page| wanted(written, page));
        let source = source(&file, direct);
        let mut next = 0;
        let extents: Vec<Extent> = blocks.iter().map(|&(position, length, after, _)| {
            let position = if after { next } else { position as u64 };
            next = position + u64::from(length);
            Extent { position, length }
        }).collect();
        let present = |extent: &Extent| {
            let start = (extent.position as usize).min(content.len());
            &content[start..(start + extent.length as usize).min(content.len())]
        };
        let theirs = extents.iter().zip(&blocks).flat_map(|(extent, &(.., same))| {
            if same { digests(algorithm, [present(extent)]) } else { vec![1; algorithm.digest_len()] }
        }).collect();
        let (_, found) = diff(&source, &extents, Some(Digests { algorithm, bytes: theirs }), compress);
        let expected: Vec<_> = extents.iter().zip(&blocks).filter(|(extent, (.., same))| {
            let there = present(extent).len();
            there > 0 && !(*same && there == extent.length as usize)
        }).collect();
        prop_assert_eq!(found.len(), expected.len());
        for ((position, block), (extent, _)) in found.iter().zip(expected) {
            prop_assert_eq!(*position, extent.position);
            assert_same(block, present(extent), "a block");
        }
    }
}

const HOLE: std::ops::Range<usize> = MIB..3 * MIB;

/// Returns 4 MiB with a hole in the middle that cannot be read.
fn unreadable_hole() -> (Memory, Vec<u8>) {
    let mut expected = content(4 * MIB, 5);
    expected[HOLE].fill(0);
    let hole = HOLE.start as u64..HOLE.end as u64;
    let mut memory = Memory::file(&expected[..]).with_hole(hole.clone());
    for operation in [Operation::Read, Operation::DirectRead, Operation::ReadCache] {
        memory = memory.with_fault(Fault::new(operation, hole.clone(), EIO));
    }
    (memory, expected)
}

#[test]
fn a_hole_is_not_read() {
    for granularity in [None, Some(512)] {
        let (memory, expected) = unreadable_hole();
        let source = memory_source(&memory.with_granularity(granularity));
        for algorithm in [Algorithm::Sha3_512, Algorithm::Blake3] {
            let slab = Slab::new(1, 4 * MIB).unwrap();
            let blocks = Blocks {
                length: 4 * MIB as u64,
                block_len: 131_072,
                algorithm,
            };
            let found = wait(|done| ENGINE.scan(&source, dirty(&slab), 0, blocks, done)).unwrap();
            let theirs = digests(algorithm, expected.chunks(131_072));
            assert!(found == theirs, "{algorithm:?}");
        }
        // Adjacent, and each on its own.
        for step in [131_072, 262_144] {
            let extents: Vec<_> = (0..4 * MIB as u64)
                .step_by(step)
                .map(|position| Extent {
                    position,
                    length: 131_072,
                })
                .collect();
            for compress in [false, true] {
                let (changed, found) = diff(&source, &extents, None, compress);
                for ((position, block), extent) in found.iter().zip(&extents) {
                    assert_eq!(*position, extent.position);
                    let at = extent.position as usize;
                    assert_same(block, &expected[at..][..131_072], "a block");
                    assert!(
                        !compress
                            || !HOLE.contains(&at)
                            || changed.iter().any(|block| {
                                block.position == extent.position && block.codec == Codec::Xz
                            })
                    );
                }
                assert_eq!(found.len(), extents.len());
            }
        }
    }
}

#[test]
fn a_block_that_is_partly_a_hole_is_read() {
    let (memory, _) = unreadable_hole();
    let source = memory_source(&memory);
    let slab = Slab::new(1, 4 * MIB).unwrap();
    let blocks = Blocks {
        length: 131_072,
        block_len: 131_072,
        algorithm: Algorithm::Blake3,
    };
    let scan = |position: usize| {
        let slot = dirty(&slab);
        wait(|done| ENGINE.scan(&source, slot, position as u64, blocks, done))
    };
    for position in [HOLE.start - 512, HOLE.end - 131_072 + 512] {
        let error = scan(position).unwrap_err();
        assert_eq!(
            (error.code(), error.errno()),
            ("io", Some(EIO)),
            "{position}"
        );
        assert_eq!(error.offset(), Some(position.max(HOLE.start) as u64));
    }
    assert!(scan(HOLE.start).is_ok());
    assert!(scan(HOLE.end - 131_072).is_ok());
}

#[test]
fn a_file_truncated_within_a_hole_is_an_error() {
    if !are_possible() {
        return;
    }
    let mut expected = content(2 * MIB, 5);
    expected[4096..].fill(0);
    let file = sparse(&expected, |_| true);
    let source = source(&file, Direct::Auto);
    file.as_file().set_len(MIB as u64).unwrap();
    let slab = Slab::new(1, 4 * MIB).unwrap();
    let blocks = Blocks {
        length: 2 * MIB as u64,
        block_len: 131_072,
        algorithm: Algorithm::Blake3,
    };
    let error = wait(|done| ENGINE.scan(&source, dirty(&slab), 0, blocks, done)).unwrap_err();
    assert_eq!((error.code(), error.offset()), ("shrank", Some(MIB as u64)));
}
