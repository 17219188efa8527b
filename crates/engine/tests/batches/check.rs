//! Checking blocks against expected digests.

use blockcopy_engine::{Algorithm, ApplyOptions, Codec, Digests, Error, Kind, ZeroBlocks};
use proptest::prelude::*;

use crate::frames::{Made, lend, make, specs, write_all};
use crate::support::{
    ENGINE, MIB, algorithm, assert_same, cases, content, digests, memory, memory_sink, wait, zeros,
};

const SIZE: usize = 4 * MIB;

/// Returns the digest of each block; a wrong one for frames of zeros, which are not checked.
fn theirs(algorithm: Algorithm, frames: &[Made]) -> Digests {
    let digest = |frame: &Made| match frame.codec {
        Codec::Zeros => vec![1; algorithm.digest_len()],
        _ => digests(algorithm, [&frame.block[..]]),
    };
    Digests {
        algorithm,
        bytes: frames.iter().flat_map(digest).collect(),
    }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn blocks_with_their_digests_are_written(
        specs in specs(),
        zeros in zeros(),
        checked in algorithm(),
        digest in prop::option::of(algorithm()),
    ) {
        let frames = make(&specs, SIZE);
        let memory = memory(Kind::File, &content(SIZE, 9), Some(512));
        let (_slab, slot, batch) = lend(&frames);
        let check = Some(theirs(checked, &frames));
        let apply_options = ApplyOptions { zero_blocks: zeros, digest, expected: check };
        let applied = wait(|done| ENGINE.apply(&memory_sink(&memory), slot, batch, apply_options, done)).unwrap();
        let mut expected = content(SIZE, 9);
        write_all(&frames, &mut expected);
        assert_same(&memory.content(), &expected, "what is read");
        let lengths: Vec<_> = frames.iter().map(|frame| frame.block.len() as u32).collect();
        prop_assert_eq!(applied.lengths, lengths);
        let expected = digest.map(|digest| digests(digest, frames.iter().map(|frame| &frame.block[..])));
        prop_assert!(applied.digests == expected.unwrap_or_default());
    }

    #[test]
    fn frames_before_one_with_another_digest_are_written(
        specs in specs(),
        zeros in zeros(),
        checked in algorithm(),
        digest in prop::option::of(algorithm()),
        which in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let frames = make(&specs, SIZE);
        let with_payload: Vec<_> = (0..frames.len()).filter(|&at| frames[at].codec != Codec::Zeros).collect();
        prop_assume!(!with_payload.is_empty());
        let wrong = with_payload[which.index(with_payload.len())];
        let mut theirs = theirs(checked, &frames);
        let bit = bit.index(checked.digest_len() * 8);
        theirs.bytes[wrong * checked.digest_len() + bit / 8] ^= 1 << (bit % 8);

        let memory = memory(Kind::File, &content(SIZE, 9), Some(512));
        let (slab, slot, batch) = lend(&frames);
        let apply_options = ApplyOptions { zero_blocks: zeros, digest, expected: Some(theirs) };
        let error = wait(|done| ENGINE.apply(&memory_sink(&memory), slot, batch, apply_options, done)).unwrap_err();
        prop_assert!(slab.take(0).is_some(), "the slot is free again");
        let position = frames[wrong].position as u64;
        prop_assert_eq!((error.code(), error.offset()), ("wrong-digest", Some(position)));
        let is_it = matches!(error, Error::WrongDigest { position: found } if found == position);
        prop_assert!(is_it);

        let found = memory.content();
        let mut expected = content(SIZE, 9);
        write_all(&frames[..wrong], &mut expected);
        for frame in &frames[wrong + 1..] {
            expected[frame.range()].copy_from_slice(&found[frame.range()]);
        }
        assert_same(&found, &expected, "what is read");
    }
}

#[test]
fn the_first_defect_is_reported() {
    let mut frames: Vec<_> = (0..3)
        .map(|at| Made::raw(at * 5000, content(5000, at as u64)))
        .collect();
    let mut digests = theirs(Algorithm::Blake3, &frames);
    digests.bytes[40] ^= 1;
    frames[2].damage();
    for (check, expected) in [
        (Some(digests), ("wrong-digest", 5000)),
        (None, ("corrupt-block", 10_000)),
    ] {
        let memory = memory(Kind::File, &[], None);
        let (_slab, slot, batch) = lend(&frames);
        let apply_options = ApplyOptions {
            expected: check,
            ..ApplyOptions::default()
        };
        let error =
            wait(|done| ENGINE.apply(&memory_sink(&memory), slot, batch, apply_options, done))
                .unwrap_err();
        assert_eq!((error.code(), error.offset().unwrap()), expected);
        let written = usize::try_from(expected.1).unwrap();
        assert_eq!(memory.content().len(), written);
    }
}

#[test]
fn digests_that_are_not_one_per_block_are_refused() {
    let frames = [
        Made::raw(0, content(5000, 1)),
        Made::raw(5000, content(5000, 2)),
    ];
    for length in [0, 32, 63, 65, 96] {
        let memory = memory(Kind::File, &[], None);
        let (_slab, slot, batch) = lend(&frames);
        let apply_options = ApplyOptions {
            zero_blocks: ZeroBlocks::Write,
            digest: None,
            expected: Some(Digests {
                algorithm: Algorithm::Blake3,
                bytes: vec![0; length],
            }),
        };
        let error =
            wait(|done| ENGINE.apply(&memory_sink(&memory), slot, batch, apply_options, done))
                .unwrap_err();
        assert_eq!(error.code(), "internal", "{length} bytes");
        assert!(memory.content().is_empty());
    }
}

#[test]
fn a_block_is_checked_without_writing_it() {
    let block = Made::raw(7 * 4096, content(5000, 1));
    let right = theirs(Algorithm::Blake3, std::slice::from_ref(&block));
    let two = Digests {
        algorithm: Algorithm::Blake3,
        bytes: right.bytes.repeat(2),
    };
    let mut wrong = right.clone();
    wrong.bytes[31] ^= 1;
    let mut damaged = Made::raw(7 * 4096, content(5000, 1));
    damaged.damage();
    for (made, digests, expected) in [
        (&block, &right, None),
        (&block, &wrong, Some(("wrong-digest", Some(7 * 4096)))),
        (&block, &two, Some(("internal", None))),
        (&damaged, &right, Some(("corrupt-block", Some(7 * 4096)))),
    ] {
        let (slab, slot, batch) = lend(std::slice::from_ref(made));
        let checked = wait(|done| ENGINE.check(slot, batch[0], digests.clone(), done));
        let found = checked.err().map(|error| (error.code(), error.offset()));
        assert_eq!(found, expected);
        assert!(slab.take(0).is_some(), "the slot is free again");
    }
}

#[test]
fn a_block_that_is_longer_than_allowed_is_refused() {
    let made = [Made::raw(4096, content(5000, 1))];
    for (most, refused) in [(4999, true), (5000, false), (5001, false)] {
        let memory = memory(Kind::File, &[], None);
        let (_slab, slot, mut batch) = lend(&made);
        batch[0].most = Some(most);
        let applied = wait(|done| {
            ENGINE.apply(
                &memory_sink(&memory),
                slot,
                batch,
                ApplyOptions::default(),
                done,
            );
        });
        let found = applied.err().map(|error| (error.code(), error.offset()));
        assert_eq!(found, refused.then_some(("corrupt-block", Some(4096))));
        assert_eq!(memory.content().is_empty(), refused);
    }
}
