//! Blocks through each codec, and invalid payloads.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use blockcopy_engine::codec::{MAX_BLOCK_LEN, decode, encode};
use blockcopy_engine::{Codec, Compression, Level, Preset};
use proptest::prelude::*;

const XZ: Compression = Compression::Xz(Preset::DEFAULT);

fn zstd(level: u8) -> Compression {
    Compression::Zstd(Level::new(level).unwrap())
}

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![
        Just(XZ),
        Just(Compression::Xz(Preset::Legacy)),
        (1..=19_u8).prop_map(zstd),
        Just(Compression::Lz4),
    ]
}

/// All compressions except none.
fn codec() -> impl Strategy<Value = Codec> {
    prop_oneof![Just(Codec::Xz), Just(Codec::Zstd), Just(Codec::Lz4)]
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Returns noise.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Returns the payload of a block that shrinks.
fn payload(block: &[u8], compression: Compression) -> Vec<u8> {
    encode(block, compression).unwrap().unwrap()
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn a_block_decodes_to_itself_and_to_no_other_length(
        seed in prop::collection::vec(any::<u8>(), 1..3000),
        length in prop_oneof![1..200_usize, 1..300_000_usize],
        compression in compression(),
    ) {
        let mut block = seed.repeat(length / seed.len() + 1);
        block.truncate(length);
        let Some(payload) = encode(&block, compression).unwrap() else {
            return Ok(());
        };
        prop_assert!(payload.len() < block.len());
        let codec = compression.codec();
        prop_assert!(decode(codec, &payload, Some(length)).unwrap() == block);
        for other in [0, length - 1, length + 1, 2 * length, MAX_BLOCK_LEN + 1] {
            prop_assert!(decode(codec, &payload, Some(other)).is_err(), "as {} bytes", other);
        }
        match codec {
            Codec::Lz4 => prop_assert_eq!(decode(codec, &payload, None), Err("no length came with it")),
            _ => prop_assert!(decode(codec, &payload, None).unwrap() == block),
        }
    }

    #[test]
    fn samples_reject_only_blocks_that_hardly_shrink(
        plain in 0..=16_usize,
        compression in compression(),
    ) {
        // Some 16ths are text, the rest is noise.
        let mut block = noise(131_072);
        let text = b"the block at this offset, the extent after it, ".repeat(200);
        for part in 0..plain {
            block[part * 8192..][..8192].copy_from_slice(&text[..8192]);
        }
        let encoded = encode(&block, compression).unwrap();
        prop_assert_eq!(encoded.is_some(), plain > 0);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        codec in codec(),
        length in prop_oneof![Just(None), (0..5000_usize).prop_map(Some), any::<usize>().prop_map(Some)],
    ) {
        if let Ok(block) = decode(codec, &bytes, length) {
            prop_assert_eq!(Some(block.len()), length);
        }
    }

    #[test]
    fn any_damage_is_refused_or_leaves_the_length(
        compression in compression(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..4),
    ) {
        let block = b"blocks, extents and holes, ".repeat(700);
        let mut payload = payload(&block, compression);
        for (at, bit) in flips {
            let at = at.index(payload.len());
            payload[at] ^= 1 << bit;
        }
        if let Ok(decoded) = decode(compression.codec(), &payload, Some(block.len())) {
            prop_assert_eq!(decoded.len(), block.len());
        }
    }

    #[test]
    fn truncated_and_extended_payloads_are_refused(
        compression in compression(),
        cut in any::<prop::sample::Index>(),
        rest in prop::collection::vec(any::<u8>(), 1..40),
        with_length in any::<bool>(),
    ) {
        let block = b"blocks, extents and holes, ".repeat(300);
        let payload = payload(&block, compression);
        let length = with_length.then_some(block.len());
        let codec = compression.codec();
        prop_assert!(decode(codec, &payload[..cut.index(payload.len())], length).is_err());
        prop_assert!(decode(codec, &[&payload[..], &rest].concat(), length).is_err());
        prop_assert!(decode(codec, &payload.repeat(2), length).is_err());
    }
}

#[test]
fn blocks_of_one_byte_to_16_mib_of_any_codec() {
    for length in [1, 2, 8, 4095, 16_384, 1 << 20, MAX_BLOCK_LEN] {
        let block = vec![7; length];
        for compression in [XZ, zstd(1), zstd(19), Compression::Lz4] {
            let encoded = encode(&block, compression).unwrap();
            assert_eq!(
                encoded.is_some(),
                length >= 4095,
                "{length} {compression:?}"
            );
            if let Some(payload) = encoded {
                let decoded = decode(compression.codec(), &payload, Some(length)).unwrap();
                assert!(decoded == block, "{length} {compression:?}");
            }
        }
        assert!(decode(Codec::Raw, &block, Some(length)).unwrap() == block);
        assert!(decode(Codec::Raw, &block, Some(length + 1)).is_err());
        assert!(decode(Codec::Raw, &block, None).unwrap() == block);
        assert!(decode(Codec::Zeros, &[], Some(length)).unwrap() == vec![0; length]);
        assert!(decode(Codec::Zeros, &[0], Some(length)).is_err());
    }
    assert!(decode(Codec::Zeros, &[], None).is_err());
    for codec in [Codec::Xz, Codec::Zstd, Codec::Lz4, Codec::Zeros] {
        assert!(decode(codec, &[], Some(0)).is_err());
        assert!(decode(codec, &[], Some(MAX_BLOCK_LEN + 1)).is_err());
    }
}

#[test]
fn incompressible_blocks_are_not_compressed() {
    for compression in [XZ, zstd(3), Compression::Lz4, Compression::None] {
        for block in [&noise(131_072)[..], &noise(5000), &[7], &[]] {
            assert_eq!(encode(block, compression).unwrap(), None, "{compression:?}");
        }
    }
    assert_eq!(encode(&[0; 5000], Compression::None).unwrap(), None);
}

#[test]
fn bombs_are_refused() {
    for length in [MAX_BLOCK_LEN + 1, 2 * MAX_BLOCK_LEN] {
        let bomb = vec![0; length];
        for compression in [
            XZ,
            Compression::Xz(Preset::Legacy),
            zstd(3),
            Compression::Lz4,
        ] {
            let payload = payload(&bomb, compression);
            for length in [
                None,
                Some(1),
                Some(131_072),
                Some(MAX_BLOCK_LEN),
                Some(length),
            ] {
                assert!(
                    decode(compression.codec(), &payload, length).is_err(),
                    "{compression:?} as {length:?}"
                );
            }
        }
    }
}

/// Returns a frame by RFC 8878: the header, and one raw block of `content`.
fn frame(header: &[u8], content: &[u8]) -> Vec<u8> {
    let last_raw = u32::try_from(content.len()).unwrap() << 3 | 1;
    let magic = 0xFD2F_B528_u32.to_le_bytes();
    [&magic, header, &last_raw.to_le_bytes()[..3], content].concat()
}

#[test]
fn zstandard_frames_from_other_encoders() {
    let single = |length: u32| [&[0b1010_0000][..], &length.to_le_bytes()].concat();
    let ours = frame(&single(5), b"block");
    assert_eq!(decode(Codec::Zstd, &ours, None).unwrap().as_ref(), b"block");

    let skipped = [&0x184D_2A50_u32.to_le_bytes()[..], &[3, 0, 0, 0], b"abc"].concat();
    let without_length = frame(&[0, 0], b"block");
    // A window of 2 GiB for five bytes costs nothing: they are decoded in one call.
    let wide = frame(
        &[&[0b1000_0000, 21 << 3][..], &5_u32.to_le_bytes()].concat(),
        b"block",
    );
    assert_eq!(
        decode(Codec::Zstd, &wide, Some(5)).unwrap().as_ref(),
        b"block"
    );
    for (payload, what) in [
        (frame(&single(1 << 30), b"block"), "says 1 GiB"),
        (frame(&single(4), b"block"), "has more than it says"),
        (frame(&single(6), b"block"), "has less than it says"),
        (frame(&single(0), b""), "has nothing"),
        (without_length, "has no content size"),
        ([&ours[..], &skipped].concat(), "is followed by one to skip"),
        ([&skipped[..], &ours].concat(), "follows one to skip"),
        (skipped, "is one to skip"),
        (
            [&ours[..], &frame(&single(0), b"")].concat(),
            "is followed by an empty one",
        ),
        (
            frame(&[0b1010_0001, 1, 5, 0, 0, 0], b"block"),
            "needs a dictionary",
        ),
    ] {
        for length in [None, Some(5)] {
            assert!(decode(Codec::Zstd, &payload, length).is_err(), "{what}");
        }
    }
}
