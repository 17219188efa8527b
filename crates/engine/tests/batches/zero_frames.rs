//! Blocks of zeros without a payload, and lengths that come with payloads.

use std::fs;

use blockcopy_engine::codec::MAX_BLOCK_LEN;
use blockcopy_engine::{
    Algorithm, ApplyOptions, Codec, Comparison, Compression, DiffOptions, Digests, Direct, Extent,
    Frame, Kind, Level, Preset, Slab, ZeroBlocks, codec,
};
use proptest::prelude::*;

use crate::sparse;
use crate::support::{
    ENGINE, MIB, algorithm, apply_options, assert_same, cases, content, digests, file, memory,
    memory_sink, memory_source, sink, slab, wait,
};

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![
        Just(Compression::None),
        Just(Compression::Xz(Preset::DEFAULT)),
        Just(Compression::Zstd(Level::new(3).unwrap())),
        Just(Compression::Lz4),
    ]
}

fn frame(codec: Codec, length: usize, block: Option<usize>) -> Frame {
    Frame {
        position: 100,
        codec,
        // There is no payload at this offset.
        offset: if codec == Codec::Zeros { usize::MAX } else { 0 },
        length,
        block,
        most: None,
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_diff_returns_blocks_of_zeros_without_a_payload(
        pattern in prop::collection::vec(0..3_u8, 1..20),
        block_len in prop_oneof![Just(4096_usize), Just(131_072), 1..50_000_usize],
        short in any::<prop::sample::Index>(),
        same in any::<u32>(),
        zeros in any::<bool>(),
        compression in compression(),
        algorithm in prop::option::of(algorithm()),
    ) {
        let mut bytes: Vec<u8> = pattern.iter().zip(1..).flat_map(|(kind, seed)| {
            let mut block = vec![0; block_len];
            match kind {
                0 => {}
                1 => block = content(997, seed).repeat(block_len / 997 + 1)[..block_len].to_vec(),
                _ => block[block_len - 1] = 1,
            }
            block
        }).collect();
        bytes.truncate(bytes.len() - short.index(block_len));
        let source = memory_source(&memory(Kind::File, &bytes, Some(512)));
        let extents: Vec<_> = Extent::blocks(0, (pattern.len() * block_len) as u64, block_len as u32).collect();
        let is_same = |index: usize| algorithm.is_some() && same >> index & 1 == 1;
        let theirs = algorithm.map_or(Comparison::Nothing(None), |algorithm| Comparison::Digests(Digests {
            algorithm,
            bytes: bytes.chunks(block_len).enumerate().flat_map(|(index, block)| {
                if is_same(index) { digests(algorithm, [block]) } else { vec![0; algorithm.digest_len()] }
            }).collect(),
        }));

        let slab = Slab::new(1, 4 * MIB).unwrap();
        let coding = DiffOptions { compression, omit_zeros: zeros };
        let diff = wait(|done| ENGINE.diff(&source, slab.take(0).unwrap(), &extents, theirs, coding, done)).unwrap();
        let slot = slab.take(0).unwrap();
        let wanted: Vec<_> = bytes.chunks(block_len).enumerate()
            .filter(|(index, block)| !is_same(*index) || block.len() < block_len).collect();
        prop_assert_eq!(diff.changed.len(), wanted.len());
        for (changed, (index, block)) in diff.changed.iter().zip(wanted) {
            prop_assert_eq!(changed.index, index);
            prop_assert_eq!(changed.position, (index * block_len) as u64);
            prop_assert_eq!(changed.block, block.len());
            let zero = block.iter().all(|&byte| byte == 0);
            prop_assert_eq!(changed.codec == Codec::Zeros, zeros && zero);
            if changed.codec == Codec::Zeros {
                prop_assert_eq!((changed.offset, changed.length), (0, block.len()));
                continue;
            }
            prop_assert!(changed.codec == Codec::Raw || changed.codec == compression.codec());
            let payload = &slot[changed.offset..][..changed.length];
            prop_assert!(codec::decode(changed.codec, payload, Some(block.len())).unwrap() == block);
            if let Some(algorithm) = algorithm {
                let digest = &diff.digests[changed.index * algorithm.digest_len()..][..algorithm.digest_len()];
                prop_assert_eq!(digest, digests(algorithm, [block]));
            }
        }
    }
}

#[test]
fn zeros_without_a_payload_are_written_or_become_holes() {
    for length in [1, 4096, 70_000, 131_072, 3 * MIB + 17, MAX_BLOCK_LEN] {
        for zeros in [ZeroBlocks::Write, ZeroBlocks::MakeHoles] {
            let before = content(length + 200, 5);
            let target = file(&before);
            let sink = sink(&target, Direct::Auto);
            let slab = slab();
            let slot = slab.take(0).unwrap();
            let frames = vec![frame(Codec::Zeros, length, None)];
            let apply_options = ApplyOptions {
                zero_blocks: zeros,
                digest: Some(Algorithm::Blake3),
                expected: None,
            };
            let applied =
                wait(|done| ENGINE.apply(&sink, slot, frames, apply_options, done)).unwrap();
            wait(|done| ENGINE.sync(&sink, done)).unwrap();
            let mut expected = before;
            expected[100..100 + length].fill(0);
            assert_same(&fs::read(&target).unwrap(), &expected, "the file");
            assert_eq!(applied.lengths, [length as u32]);
            let digest = digests(Algorithm::Blake3, [&vec![0; length][..]]);
            assert_eq!(applied.digests, digest);
            if sparse::are_possible() && length > 2 * 4096 {
                let stored = sparse::stored(&target);
                let within = &stored[1..stored.len() - 2];
                assert!(
                    within
                        .iter()
                        .all(|&page| page == (zeros == ZeroBlocks::Write))
                );
            }
        }
    }
}

#[test]
fn a_block_with_another_length_than_announced_is_refused() {
    let block = content(100, 1).repeat(100);
    let xz = codec::encode(&block, Compression::Xz(Preset::Legacy)).unwrap();
    let xz = xz.unwrap();
    for (codec, payload, right) in [(Codec::Raw, &block, 10_000), (Codec::Xz, &xz, 10_000)] {
        for length in [
            0,
            right - 1,
            right,
            right + 1,
            MAX_BLOCK_LEN + 1,
            usize::MAX,
        ] {
            let memory = memory(Kind::File, &[], None);
            let slab = slab();
            let mut slot = slab.take(0).unwrap();
            slot[..payload.len()].copy_from_slice(payload);
            let frames = vec![frame(codec, payload.len(), Some(length))];
            let sink = memory_sink(&memory);
            let result = wait(|done| {
                ENGINE.apply(&sink, slot, frames, apply_options(ZeroBlocks::Write), done);
            });
            let found = result
                .map(|applied| applied.lengths)
                .map_err(|error| error.code());
            let expected = if length == right {
                Ok(vec![10_000])
            } else {
                Err("corrupt-block")
            };
            assert_eq!(found, expected, "{codec:?} {length}");
            assert_eq!(memory.content().is_empty(), length != right);
        }
    }
    for (length, block) in [
        (0, None),
        (MAX_BLOCK_LEN + 1, None),
        (usize::MAX, None),
        (10, Some(9)),
    ] {
        let memory = memory(Kind::File, &[], None);
        let slab = slab();
        let slot = slab.take(0).unwrap();
        let frames = vec![frame(Codec::Zeros, length, block)];
        let sink = memory_sink(&memory);
        let result = wait(|done| {
            ENGINE.apply(
                &sink,
                slot,
                frames,
                apply_options(ZeroBlocks::MakeHoles),
                done,
            );
        });
        assert_eq!(result.unwrap_err().code(), "corrupt-block", "{length}");
        assert!(memory.content().is_empty());
    }
}
