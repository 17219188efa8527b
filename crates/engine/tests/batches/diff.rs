//! Finding the blocks that differ.

use blockcopy_engine::{
    Algorithm, ChangedBlock, Codec, Comparison, Compression, Digests, Extent, Preset, Slab, codec,
};
use proptest::prelude::*;

use crate::support::{AS_IS, ENGINE, algorithm, coded, content, digests, open, slab, wait};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_diff_returns_exactly_the_blocks_that_differ(
        length in 0usize..1_500_000,
        // In any order, adjacent or not, across the end and beyond it.
        blocks in prop::collection::vec((0u64..1_600_000, 1u32..200_000, any::<bool>()), 0..12),
        in_a_row in any::<bool>(),
        compress in any::<bool>(),
        algorithm in algorithm(),
    ) {
        let content = content(length, 3).iter().map(|byte| byte & 3).collect::<Vec<u8>>();
        let (_file, source) = open(&content);
        let mut next = 0;
        let extents: Vec<Extent> = blocks.iter().map(|&(position, length, _)| {
            let position = if in_a_row { next } else { position };
            next = position + u64::from(length);
            Extent { position, length }
        }).collect();
        let present = |extent: &Extent| {
            let start = (extent.position as usize).min(length);
            &content[start..(start + extent.length as usize).min(length)]
        };
        let bytes = extents.iter().zip(&blocks).flat_map(|(extent, &(.., same))| {
            if same { digests(algorithm, [present(extent)]) } else { vec![1; algorithm.digest_len()] }
        }).collect();
        let expected: Vec<(u64, &[u8])> = extents.iter().zip(&blocks).filter_map(|(extent, &(.., same))| {
            let block = present(extent);
            let same = same && block.len() == extent.length as usize;
            (!same && !block.is_empty()).then_some((extent.position, block))
        }).collect();

        let slab = slab();
        let compression = if compress { Compression::Xz(Preset::DEFAULT) } else { Compression::None };
        let theirs = Comparison::Digests(Digests { algorithm, bytes });
        let diff = wait(|done| ENGINE.diff(
            &source, slab.take(0).unwrap(), &extents, theirs, coded(compression), done,
        )).unwrap();
        prop_assert!(diff.digests == digests(algorithm, extents.iter().map(present)));
        let changed = diff.changed;
        let slot = slab.take(0).expect("the slot is free again");
        let found: Vec<(u64, Vec<u8>)> = changed.iter().map(|&ChangedBlock { position, codec, offset, length, block, index }| {
            assert_eq!(extents[index].position, position);
            let payload = &slot[offset..offset + length];
            (position, codec::decode(codec, payload, Some(block)).unwrap().into_owned())
        }).collect();
        prop_assert_eq!(found.len(), expected.len());
        for ((position, block), (expected_position, expected_block)) in found.iter().zip(&expected) {
            prop_assert_eq!(position, expected_position);
            prop_assert!(block == expected_block, "the block at {} differs", position);
        }
        if compress && extents.iter().any(|extent| present(extent).len() > 10_000) {
            prop_assert!(changed.is_empty() || changed.iter().any(|block| block.codec == Codec::Xz));
        }
    }
}

#[test]
fn without_digests_all_blocks_are_returned() {
    let content = content(300_000, 5);
    let (_file, source) = open(&content);
    let slab = slab();
    let extents: Vec<_> = Extent::blocks(0, 300_000, 131_072).collect();
    for algorithm in [None, Some(Algorithm::Sha3_512), Some(Algorithm::Blake3)] {
        let slot = slab.take(0).expect("the slot is free again");
        let theirs = Comparison::Nothing(algorithm);
        let diff = wait(|done| ENGINE.diff(&source, slot, &extents, theirs, AS_IS, done)).unwrap();
        let lengths: Vec<_> = diff.changed.iter().map(|block| block.length).collect();
        assert_eq!(lengths, [131_072, 131_072, 37_856]);
        let expected = algorithm.map(|algorithm| digests(algorithm, content.chunks(131_072)));
        assert_eq!(diff.digests, expected.unwrap_or_default(), "{algorithm:?}");
    }
}

#[test]
fn blocks_that_do_not_fit_are_refused_before_anything_is_read() {
    let (_file, source) = open(&content(1000, 5));
    let slab = Slab::new(1, 8192).unwrap();
    let far = Extent {
        position: u64::MAX - 10,
        length: 100,
    };
    let large = Extent {
        position: 0,
        length: 8193,
    };
    for extent in [far, large] {
        let slot = slab.take(0).expect("the slot is free again");
        let theirs = Comparison::Nothing(None);
        let result = wait(|done| ENGINE.diff(&source, slot, &[extent], theirs, AS_IS, done));
        assert_eq!(result.unwrap_err().code(), "internal");
    }
}

#[test]
fn a_single_different_bit_makes_a_digest_differ() {
    let content = content(300, 5);
    let (_file, source) = open(&content);
    let slab = slab();
    let extents: Vec<_> = Extent::blocks(0, 300, 100).collect();
    for algorithm in [Algorithm::Sha3_512, Algorithm::Blake3] {
        let theirs = digests(algorithm, content.chunks(100));
        for bit in 0..algorithm.digest_len() * 8 {
            let mut bytes = theirs.clone();
            bytes[algorithm.digest_len() + bit / 8] ^= 1 << (bit % 8);
            let slot = slab.take(0).expect("the slot is free again");
            let theirs = Comparison::Digests(Digests { algorithm, bytes });
            let diff =
                wait(|done| ENGINE.diff(&source, slot, &extents, theirs, AS_IS, done)).unwrap();
            let positions: Vec<_> = diff.changed.iter().map(|block| block.position).collect();
            assert_eq!(positions, [100], "{algorithm:?}, bit {bit}");
        }
    }
}

#[test]
fn digests_that_are_not_one_per_block_are_refused() {
    let (_file, source) = open(&content(300, 5));
    let slab = slab();
    let extents: Vec<_> = Extent::blocks(0, 300, 100).collect();
    for (algorithm, lengths) in [
        (Algorithm::Sha3_512, [0, 128, 191, 193, 256, 96]),
        (Algorithm::Blake3, [0, 64, 95, 97, 128, 192]),
    ] {
        for length in lengths {
            let slot = slab.take(0).expect("the slot is free again");
            let theirs = Comparison::Digests(Digests {
                algorithm,
                bytes: vec![0; length],
            });
            let result = wait(|done| ENGINE.diff(&source, slot, &extents, theirs, AS_IS, done));
            assert_eq!(
                result.unwrap_err().code(),
                "internal",
                "{algorithm:?}, {length} bytes"
            );
        }
    }
}
