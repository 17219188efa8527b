//! Digesting the blocks of a source.

use blockcopy_engine::{Algorithm, Blocks, Slab};
use proptest::prelude::*;

use crate::support::{ENGINE, algorithm, content, digests, open, slab, wait};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_returns_the_digest_of_each_block(
        length in 0usize..3_000_000,
        start in 0.0..1.0f64,
        end in 0.0..1.0f64,
        block_len in prop_oneof![Just(131_072u32), Just(4096), 5000u32..400_000],
        algorithm in algorithm(),
        seed in any::<u64>(),
    ) {
        let content = content(length, seed);
        let (_file, source) = open(&content);
        let at = |part: f64| (part * length as f64) as usize;
        let (start, end) = (at(start.min(end)), at(start.max(end)));
        let blocks = Blocks { length: (end - start) as u64, block_len, algorithm };
        let found = wait(|done| ENGINE.scan(
            &source, slab().take(0).unwrap(), start as u64, blocks, done,
        )).unwrap();
        let expected = digests(algorithm, content[start..end].chunks(block_len as usize));
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_source_that_becomes_shorter_is_reported_with_its_end() {
    let (file, source) = open(&content(1_000_000, 5));
    file.as_file().set_len(600_000).unwrap();
    for algorithm in [Algorithm::Sha3_512, Algorithm::Blake3] {
        let slot = slab().take(0).unwrap();
        let blocks = Blocks {
            length: 1_000_000,
            block_len: 131_072,
            algorithm,
        };
        let error = wait(|done| ENGINE.scan(&source, slot, 0, blocks, done)).unwrap_err();
        assert_eq!(
            (error.code(), error.offset()),
            ("shrank", Some(600_000)),
            "{error}"
        );
    }
}

#[test]
fn an_invalid_range_is_refused() {
    let (_file, source) = open(&content(10_000, 5));
    let slab = Slab::new(1, 8192).unwrap();
    for (position, length, block_len) in [
        (9900, 101, 4096),
        (u64::MAX, 1, 4096),
        (0, slab.slot_len() as u64 + 1, 4096),
        (0, 100, 0),
    ] {
        let slot = slab.take(0).expect("the slot is free again");
        let blocks = Blocks {
            length,
            block_len,
            algorithm: Algorithm::Blake3,
        };
        let error = wait(|done| ENGINE.scan(&source, slot, position, blocks, done)).unwrap_err();
        assert_eq!(error.code(), "internal", "{position} {blocks:?}");
    }
}
