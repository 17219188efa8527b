//! Batches through the engine's public interface, against what a naive program would do.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the numbers are small, and a test says what it expects by failing"
)]

use std::fs;
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};

use blockcopy_engine::xz::{self, Preset};
use blockcopy_engine::{
    Changed, Codec, Compression, Digest, Engine, Error, Extent, Frame, Sink, Slab, Source,
};
use proptest::prelude::*;
use sha3::{Digest as _, Sha3_512};
use tempfile::NamedTempFile;

static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| Engine::new().expect("threads"));

/// Starts an operation and waits for its result.
fn wait<T: Send + 'static>(
    start: impl FnOnce(Box<dyn FnOnce(Result<T, Error>) + Send>),
) -> Result<T, Error> {
    let (sender, receiver) = channel();
    start(Box::new(move |result| {
        sender.send(result).expect("nobody waits");
    }));
    receiver.recv().expect("the engine never called back")
}

fn file(content: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary file");
    fs::write(&file, content).expect("content");
    file
}

fn open(content: &[u8]) -> (NamedTempFile, Arc<Source>) {
    let file = file(content);
    let source = Arc::new(Source::open(file.path()).expect("source"));
    (file, source)
}

fn slab() -> Arc<Slab> {
    Slab::new(1, 4 * 1024 * 1024).expect("memory")
}

fn digest(block: &[u8]) -> Digest {
    Sha3_512::digest(block).into()
}

/// Bytes that no two blocks have in common, without the cost of drawing each at random.
fn content(length: usize, seed: u64) -> Vec<u8> {
    (0..length as u64)
        .map(|i| ((i ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_gives_the_digest_of_each_block(
        length in 0usize..3_000_000,
        start in 0.0..1.0f64,
        end in 0.0..1.0f64,
        block_len in prop_oneof![Just(131_072u32), Just(4096), 5000u32..400_000],
        seed in any::<u64>(),
    ) {
        let content = content(length, seed);
        let (_file, source) = open(&content);
        let at = |part: f64| (part * length as f64) as usize;
        let (start, end) = (at(start.min(end)), at(start.max(end)));
        let digests = wait(|done| ENGINE.scan(
            &source, slab().take(0).unwrap(), start as u64, (end - start) as u64, block_len, done,
        )).unwrap();
        let expected: Vec<_> = content[start..end].chunks(block_len as usize).map(digest).collect();
        prop_assert_eq!(digests, expected);
    }

    #[test]
    fn what_is_in_memory_is_digested_the_same_way(
        length in 0usize..3_000_000,
        block_len in prop_oneof![Just(131_072usize), 1000usize..2_000_000],
    ) {
        let content = content(length, 7);
        let slab = slab();
        let mut slot = slab.take(0).unwrap();
        slot[..length].copy_from_slice(&content);
        let digests = wait(|done| ENGINE.digest(slot, length, block_len, done)).unwrap();
        let expected: Vec<_> = content.chunks(block_len).map(digest).collect();
        prop_assert_eq!(digests, expected);
        prop_assert!(slab.take(0).is_some(), "the slot is free again");
    }

    #[test]
    fn a_diff_gives_the_blocks_that_differ_and_only_those(
        length in 0usize..1_500_000,
        // In any order, side by side or not, over the end and beyond it.
        blocks in prop::collection::vec((0u64..1_600_000, 1u32..200_000, any::<bool>()), 0..12),
        in_a_row in any::<bool>(),
        compress in any::<bool>(),
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
        let digests = extents.iter().zip(&blocks).map(|(extent, &(.., same))| {
            if same { digest(present(extent)) } else { [1; 64] }
        }).collect();
        let expected: Vec<(u64, &[u8])> = extents.iter().zip(&blocks).filter_map(|(extent, &(.., same))| {
            let block = present(extent);
            let same = same && block.len() == extent.length as usize;
            (!same && !block.is_empty()).then_some((extent.position, block))
        }).collect();

        let slab = slab();
        let compression = if compress { Compression::Xz(Preset::BlockDictionary) } else { Compression::None };
        let changed = wait(|done| ENGINE.diff(
            &source, slab.take(0).unwrap(), &extents, Some(digests), compression, done,
        )).unwrap();
        let slot = slab.take(0).expect("the slot is free again");
        let found: Vec<(u64, Vec<u8>)> = changed.iter().map(|&Changed { position, codec, offset, length }| {
            let payload = &slot[offset..offset + length];
            (position, match codec {
                Codec::Raw => payload.to_vec(),
                Codec::Xz => xz::decode(payload).unwrap(),
            })
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

    #[test]
    fn frames_are_written_in_the_order_given(
        size in 0usize..300_000,
        frames in prop::collection::vec((0u64..400_000, 1usize..70_000, any::<bool>()), 0..20),
    ) {
        let mut expected = content(size, 9);
        let target = file(&expected);
        let sink = Arc::new(Sink::open(target.path(), false).unwrap());
        let slab = slab();
        let mut slot = slab.take(0).unwrap();
        let mut end = 0;
        let batch: Vec<Frame> = frames.iter().enumerate().map(|(number, &(position, length, compress))| {
            let block = vec![number as u8 + 1; length];
            let compressed = if compress { xz::encode(&block, Preset::Plain).unwrap() } else { None };
            let codec = if compressed.is_some() { Codec::Xz } else { Codec::Raw };
            let payload = compressed.unwrap_or_else(|| block.clone());
            slot[end..end + payload.len()].copy_from_slice(&payload);
            let frame = Frame { position, codec, offset: end, length: payload.len() };
            end += payload.len();
            let at = position as usize;
            expected.resize(expected.len().max(at + length), 0);
            expected[at..at + length].copy_from_slice(&block);
            frame
        }).collect();
        let written = wait(|done| ENGINE.apply(&sink, slot, batch, done)).unwrap();
        wait(|done| ENGINE.sync(&sink, done)).unwrap();
        prop_assert_eq!(written, frames.iter().map(|frame| frame.1 as u64).sum::<u64>());
        prop_assert!(fs::read(&target).unwrap() == expected);
    }
}

#[test]
fn without_digests_everything_is_wanted() {
    let content = content(300_000, 5);
    let (_file, source) = open(&content);
    let slab = slab();
    let extents: Vec<_> = Extent::blocks(0, 300_000, 131_072).collect();
    let slot = slab.take(0).unwrap();
    let changed =
        wait(|done| ENGINE.diff(&source, slot, &extents, None, Compression::None, done)).unwrap();
    assert_eq!(
        changed.iter().map(|block| block.length).collect::<Vec<_>>(),
        [131_072, 131_072, 37_856]
    );
}

#[test]
fn a_source_that_becomes_shorter_is_an_error_that_says_where() {
    let (file, source) = open(&content(1_000_000, 5));
    file.as_file().set_len(600_000).unwrap();
    let slot = slab().take(0).unwrap();
    let error = wait(|done| ENGINE.scan(&source, slot, 0, 1_000_000, 131_072, done)).unwrap_err();
    assert_eq!(
        (error.code(), error.offset()),
        ("shrank", Some(600_000)),
        "{error}"
    );
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_read() {
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
        let result =
            wait(|done| ENGINE.diff(&source, slot, &[extent], None, Compression::None, done));
        assert_eq!(result.unwrap_err().code(), "internal");
    }
    let slot = slab.take(0).unwrap();
    let error = wait(|done| ENGINE.scan(&source, slot, 900, 101, 4096, done)).unwrap_err();
    assert_eq!(error.code(), "internal");
}

#[test]
fn frames_before_a_damaged_one_are_written_and_it_is_not() {
    let target = file(&[0; 100]);
    let sink = Arc::new(Sink::open(target.path(), false).unwrap());
    let slab = slab();
    let mut slot = slab.take(0).unwrap();
    slot[..10].copy_from_slice(&[7; 10]);
    let raw = |position| Frame {
        position,
        codec: Codec::Raw,
        offset: 0,
        length: 10,
    };
    let damaged = Frame {
        codec: Codec::Xz,
        ..raw(50)
    };
    let frames = vec![raw(0), damaged, raw(80)];
    let error = wait(|done| ENGINE.apply(&sink, slot, frames, done)).unwrap_err();
    assert_eq!(
        (error.code(), error.offset()),
        ("corrupt-block", Some(50)),
        "{error}"
    );
    let content = fs::read(&target).unwrap();
    assert_eq!(content[..10], [7; 10]);
    assert_eq!(content[10..], [0; 90]);
}
