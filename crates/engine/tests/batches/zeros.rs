//! Digests of zeros, which are cached.

use std::thread;

use blockcopy_engine::{Algorithm, Blocks};

use crate::support::{ENGINE, content, digests, slab, wait};

/// More lengths than are cached, and some repeatedly.
fn lengths(thread: usize) -> impl Iterator<Item = usize> {
    (0..60).map(move |round| match (round + thread) % 4 {
        0 => 131_072,
        1 => 0,
        _ => (round * 37 + thread) * 113 % 20_000,
    })
}

#[test]
fn every_length_has_its_own_digest() {
    thread::scope(|scope| {
        for number in 0..6 {
            scope.spawn(move || {
                for length in lengths(number) {
                    let zeros = vec![0; length];
                    for algorithm in [Algorithm::Sha3_512, Algorithm::Blake3] {
                        assert_eq!(
                            ENGINE.zero_digest(algorithm, length),
                            digests(algorithm, [&zeros[..]]),
                            "{algorithm:?}, {length} bytes"
                        );
                    }
                }
            });
        }
    });
}

#[test]
fn zeros_among_other_blocks_have_their_digests() {
    let slab = slab();
    for algorithm in [Algorithm::Sha3_512, Algorithm::Blake3] {
        for pattern in 0..64_usize {
            let mut memory = content(6 * 1000 - 1, 7);
            for block in (0..6).filter(|block| pattern >> block & 1 == 1) {
                let end = memory.len().min((block + 1) * 1000);
                memory[block * 1000..end].fill(0);
            }
            let mut slot = slab.take(0).expect("the slot is free again");
            slot[..memory.len()].copy_from_slice(&memory);
            let blocks = Blocks {
                length: memory.len() as u64,
                block_len: 1000,
                algorithm,
            };
            let found = wait(|done| ENGINE.digest(slot, blocks, done)).unwrap();
            let expected = digests(algorithm, memory.chunks(1000));
            assert_eq!(found, expected, "{algorithm:?}, pattern {pattern:06b}");
        }
    }
}
