//! Random messages, against the `sha3` crate on every kernel. All of them are slices of one buffer, at any address,
//! and may overlap.

use std::ops::Range;

use blockcopy_keccak::{Digest, Incremental};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use sha3::Digest as _;

use crate::kernels::{digests, kernels};

/// Length of the longest message in bytes: a default block.
const LONGEST: usize = if cfg!(miri) { 300 } else { 131_072 };

/// Length of the buffer for adjacent messages, in bytes.
const TOGETHER: usize = if cfg!(miri) { 300 } else { 3000 };

/// Limit for the number of messages: several times the lanes of any kernel.
const MOST: usize = if cfg!(miri) { 5 } else { 40 };

/// Room in the buffer after the longest message, in bytes: any message can start at an offset up to this, in bytes.
const PLAY: usize = 64;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 64 },
        // The failing message is printed, so a file of seeds is not needed.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Buffer of noise that is determined by a seed (splitmix64), so that a failure prints as a number.
fn noise(seed: u64) -> Vec<u8> {
    let word = |at: u64| {
        let mut word = seed.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    };
    (1..)
        .flat_map(|at| word(at).to_le_bytes())
        .take(LONGEST + PLAY)
        .collect()
}

/// Generates lengths at which padding and the number of blocks change, small ones, and sometimes a whole block.
fn length() -> impl Strategy<Value = usize> {
    let around_the_rate =
        (0..5_usize, 0..3_usize).prop_map(|(blocks, more)| (blocks * 72 + more).saturating_sub(1));
    prop_oneof![
        50 => around_the_rate,
        40 => 0..600_usize,
        9 => 4095..4098_usize,
        1 => Just(LONGEST),
    ]
    .prop_map(|length| length.min(LONGEST))
}

/// Generates the offset of a message: anywhere, and half the time close to other messages.
fn slice(length: usize) -> impl Strategy<Value = Range<usize>> {
    prop_oneof![0..PLAY, 0..=LONGEST - length + PLAY].prop_map(move |begin| begin..begin + length)
}

fn any_slice() -> impl Strategy<Value = Range<usize>> {
    length().prop_flat_map(slice)
}

/// Asserts that every kernel gives the digests of the `sha3` crate for `messages`.
fn equal_those_of_sha3(seed: u64, messages: &[Range<usize>]) -> Result<(), TestCaseError> {
    let buffer = noise(seed);
    let messages: Vec<&[u8]> = messages.iter().map(|at| &buffer[at.clone()]).collect();
    let expected: Vec<Digest> = messages
        .iter()
        .map(|message| sha3::Sha3_512::digest(message).into())
        .collect();
    for &sha3 in kernels() {
        let digests = digests(sha3, &messages);
        prop_assert!(digests.len() == expected.len());
        for (index, (digest, expected)) in digests.iter().zip(&expected).enumerate() {
            prop_assert_eq!(digest, expected, "{}, message {}", sha3.simd(), index);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_messages(
        seed in any::<u64>(),
        messages in prop::collection::vec(any_slice(), 0..=MOST),
    ) {
        equal_those_of_sha3(seed, &messages)?;
    }

    #[test]
    fn the_same_slice_many_times(seed in any::<u64>(), message in any_slice(), count in 0..=MOST) {
        equal_those_of_sha3(seed, &vec![message; count])?;
    }

    /// Calls of the engine: blocks of one length, the last one possibly shorter.
    #[test]
    fn equal_lengths_with_a_short_last_one(
        seed in any::<u64>(),
        (messages, last) in length().prop_flat_map(|length| {
            let last = (0..=length).prop_flat_map(slice);
            (prop::collection::vec(slice(length), 0..=MOST), last)
        }),
    ) {
        equal_those_of_sha3(seed, &[messages, vec![last]].concat())?;
    }

    #[test]
    fn one_very_long_among_short_ones(
        seed in any::<u64>(),
        mut messages in prop::collection::vec((0..300_usize).prop_flat_map(slice), 1..=MOST),
        long in slice(LONGEST),
        position in any::<Index>(),
    ) {
        messages.insert(position.index(messages.len() + 1), long);
        equal_those_of_sha3(seed, &messages)?;
    }

    /// Each end is the length of the message so far: its digest is compared before more is added.
    #[test]
    fn one_message_in_parts(
        seed in any::<u64>(),
        mut ends in prop::collection::vec(prop_oneof![length(), 0..TOGETHER], 0..=MOST),
    ) {
        let buffer = noise(seed);
        ends.sort_unstable();
        let mut hash = Incremental::new();
        let mut begin = 0;
        for end in ends {
            hash.update(&buffer[begin..end]);
            let expected: Digest = sha3::Sha3_512::digest(&buffer[..end]).into();
            prop_assert_eq!(hash.digest(), expected, "{} bytes", end);
            begin = end;
        }
    }

    /// A flipped bit changes the digest of its message and of no other one.
    #[test]
    fn lanes_do_not_mix(
        seed in any::<u64>(),
        ends in subsequence((1..TOGETHER).collect::<Vec<usize>>(), 1..=MOST),
        at in any::<Index>(),
        bit in 0..8_u8,
    ) {
        let mut buffer = noise(seed);
        buffer.truncate(TOGETHER);
        // The messages follow each other; the last one ends with the buffer.
        let begins = [&[0], &*ends].concat();
        let ends = [&*ends, &[buffer.len()]].concat();
        let at = at.index(buffer.len());
        let hit = ends.iter().position(|&end| at < end);
        for &sha3 in kernels() {
            let all = |buffer: &[u8]| {
                let messages: Vec<&[u8]> = begins.iter().zip(&ends).map(|(&begin, &end)| &buffer[begin..end]).collect();
                digests(sha3, &messages)
            };
            let before = all(&buffer);
            buffer[at] ^= 1 << bit;
            let after = all(&buffer);
            for index in 0..ends.len() {
                prop_assert_eq!(before[index] != after[index], Some(index) == hit, "{}, message {}", sha3.simd(), index);
            }
        }
    }
}
