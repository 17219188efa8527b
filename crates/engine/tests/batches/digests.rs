//! Digests of blocks in memory, with every instruction set.

use std::sync::Arc;

use blockcopy_engine::{Algorithm, Blocks, Engine, EngineOptions, Simd};
use proptest::prelude::*;

use crate::support::{ENGINE, algorithm, content, digests, slab, wait};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_in_memory_have_the_same_digests(
        length in 0usize..3_000_000,
        block_len in prop_oneof![Just(131_072u32), 1000u32..2_000_000],
        algorithm in algorithm(),
    ) {
        let content = content(length, 7);
        let slab = slab();
        let mut slot = slab.take(0).unwrap();
        slot[..length].copy_from_slice(&content);
        let blocks = Blocks { length: length as u64, block_len, algorithm };
        let found = wait(|done| ENGINE.digest(slot, blocks, done)).unwrap();
        let expected = digests(algorithm, content.chunks(block_len as usize));
        prop_assert_eq!(found, expected);
        prop_assert!(slab.take(0).is_some(), "the slot is free again");
    }
}

/// BLAKE3 of bytes that count from 0 to 250 and again from 0: the first 32 bytes of `hash` in
/// `test_vectors/test_vectors.json` of github.com/BLAKE3-team/BLAKE3; the last one was computed with b3sum 1.2.0 of Debian 12.
const BLAKE3: [(usize, &str); 7] = [
    (
        1,
        "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    ),
    (
        1023,
        "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    ),
    (
        1024,
        "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    ),
    (
        1025,
        "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
    ),
    (
        31_744,
        "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
    ),
    (
        102_400,
        "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
    ),
    (
        131_072,
        "306baba93b1a393cbd35172837c98b0f59a41f64e1b2682ae102d8b2534b9e1c",
    ),
];

/// Returns the digest of `message` as the only block of a slot.
fn digest_of(engine: &Arc<Engine>, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    let mut slot = slab().take(0).unwrap();
    slot[..message.len()].copy_from_slice(message);
    let blocks = Blocks {
        length: message.len() as u64,
        block_len: 131_072,
        algorithm,
    };
    wait(|done| engine.digest(slot, blocks, done)).unwrap()
}

#[test]
fn blake3_matches_other_implementations() {
    for (length, expected) in BLAKE3 {
        let message: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let expected = blake3::Hash::from_hex(expected).unwrap();
        let digest = digest_of(&ENGINE, Algorithm::Blake3, &message);
        assert_eq!(digest, expected.as_bytes(), "{length} bytes");
    }
}

#[test]
fn no_bytes_have_no_digest() {
    for algorithm in [Algorithm::Sha3_512, Algorithm::Blake3] {
        let blocks = Blocks {
            length: 0,
            block_len: 4096,
            algorithm,
        };
        let slot = slab().take(0).unwrap();
        assert_eq!(wait(|done| ENGINE.digest(slot, blocks, done)).unwrap(), []);
    }
}

#[test]
fn more_blocks_than_the_slot_holds_are_refused() {
    let slab = slab();
    for (length, block_len) in [
        (slab.slot_len() as u64 + 1, 4096),
        (u64::MAX, 4096),
        (100, 0),
    ] {
        let slot = slab.take(0).expect("the slot is free again");
        let blocks = Blocks {
            length,
            block_len,
            algorithm: Algorithm::Sha3_512,
        };
        let error = wait(|done| ENGINE.digest(slot, blocks, done)).unwrap_err();
        assert_eq!(error.code(), "internal", "{blocks:?}");
    }
}

fn only(simd: Simd) -> EngineOptions {
    EngineOptions {
        simd: Some(simd),
        ..EngineOptions::default()
    }
}

#[test]
fn an_instruction_set_is_used_or_refused() {
    let message = content(100_000, 5);
    let expected = digest_of(&ENGINE, Algorithm::Sha3_512, &message);
    let refused: Vec<_> = Simd::ALL
        .into_iter()
        .filter(|&simd| match Engine::new(only(simd)) {
            Ok(engine) => {
                let description = engine.hashing(Algorithm::Sha3_512);
                assert!(
                    description.contains(&format!("SHA3-512 with {simd} (")),
                    "{description}"
                );
                assert_eq!(
                    digest_of(&engine, Algorithm::Sha3_512, &message),
                    expected,
                    "{simd}"
                );
                false
            }
            Err(error) => {
                assert_eq!(error.code(), "no-simd");
                assert_eq!(
                    error.to_string(),
                    format!("cannot hash with {simd}: this CPU does not have it")
                );
                true
            }
        })
        .collect();
    // Of another architecture, so missing on this CPU.
    let foreign = if cfg!(target_arch = "x86_64") {
        Simd::Neon
    } else {
        Simd::Avx2
    };
    assert!(refused.contains(&foreign));
    assert!(!refused.contains(&Simd::Portable));
}
