//! Engines with few threads.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use blockcopy_engine::{
    Algorithm, Blocks, Codec, Comparison, Compression, Engine, EngineOptions, Extent, Frame, Kind,
    Pair, Preset, Slab, Slot, ZeroBlocks,
};

use crate::support::{
    MIB, apply_options, assert_same, coded, content, digests, memory, memory_sink, memory_source,
    update_options,
};

fn engine(threads: usize, queue_depth: usize) -> Arc<Engine> {
    Engine::new(EngineOptions {
        threads: NonZero::new(threads),
        queue_depth: NonZero::new(queue_depth),
        ..EngineOptions::default()
    })
    .unwrap()
}

#[test]
fn the_engine_has_the_requested_threads() {
    let description = engine(3, 5).description();
    assert_eq!(
        description,
        "threads that hash: 3, reads or writes in flight: 5"
    );
    assert!(Engine::new(EngineOptions::default()).unwrap().appetite() > engine(1, 1).appetite());
}

const LENGTH: usize = 3 * MIB + 5000;
const BLOCK_LEN: u32 = 131_072;

/// Checks of results, run by the thread of the test.
type Checks = Sender<Box<dyn FnOnce() + Send>>;

fn tell(checks: &Checks, check: impl FnOnce() + Send + 'static) {
    let _ = checks.send(Box::new(check));
}

fn scan(engine: &Arc<Engine>, slot: Slot, wanted: &[u8], checks: Checks) {
    let source = memory_source(&memory(Kind::File, wanted, Some(512)));
    let blocks = Blocks {
        length: LENGTH as u64,
        block_len: BLOCK_LEN,
        algorithm: Algorithm::Blake3,
    };
    let expected = digests(Algorithm::Blake3, wanted.chunks(BLOCK_LEN as usize));
    engine.scan(&source, slot, 0, blocks, move |found| {
        tell(&checks, move || assert_eq!(found.unwrap(), expected));
    });
}

fn diff(engine: &Arc<Engine>, slot: Slot, compressible: &[u8], checks: Checks) {
    let source = memory_source(&memory(Kind::File, compressible, Some(512)));
    let extents: Vec<_> = Extent::blocks(0, LENGTH as u64, BLOCK_LEN).collect();
    let xz = coded(Compression::Xz(Preset::DEFAULT));
    let all = Comparison::Nothing(None);
    engine.diff(&source, slot, &extents, all, xz, move |diff| {
        tell(&checks, || assert_eq!(diff.unwrap().changed.len(), 25));
    });
}

fn apply(engine: &Arc<Engine>, mut slot: Slot, wanted: Vec<u8>, checks: Checks) {
    let target = memory(Kind::File, &[], Some(512));
    slot[..LENGTH].copy_from_slice(&wanted);
    let frame = |extent: Extent| Frame {
        position: extent.position,
        codec: Codec::Raw,
        offset: extent.position as usize,
        length: extent.length as usize,
        block: None,
        most: None,
    };
    let extents = Extent::blocks(0, LENGTH as u64, BLOCK_LEN);
    let frames = extents.map(frame).collect();
    let sink = memory_sink(&target);
    let options = apply_options(ZeroBlocks::MakeHoles);
    engine.apply(&sink, slot, frames, options, move |written| {
        tell(&checks, move || {
            let written: u32 = written.unwrap().lengths.iter().sum();
            assert_eq!(written as usize, LENGTH);
            assert_same(&target.content(), &wanted, "applied");
        });
    });
}

fn update(engine: &Arc<Engine>, slot: Slot, wanted: Vec<u8>, compressible: &[u8], checks: Checks) {
    let target = memory(Kind::File, compressible, Some(512));
    let pair = Pair {
        source: memory_source(&memory(Kind::File, &wanted, Some(512))),
        destination: memory_source(&target),
        sink: memory_sink(&target),
    };
    let options = update_options(0, LENGTH as u64, BLOCK_LEN, ZeroBlocks::MakeHoles);
    engine.update(&pair, slot, options, move |updated| {
        tell(&checks, move || {
            assert_eq!(updated.unwrap().blocks, 25);
            assert_same(&target.content(), &wanted, "updated");
        });
    });
}

/// Starts all operations at once on as few threads as possible.
#[test]
fn all_operations_at_once_end() {
    let compressible: Vec<u8> = b"holes and blocks, ".repeat(LENGTH / 18 + 1)[..LENGTH].to_vec();
    for (threads, queue_depth) in [(1, 1), (1, 4), (2, 1)] {
        let engine = engine(threads, queue_depth);
        let slab = Slab::new(24, 2 * 4 * MIB).unwrap();
        let (sender, ended) = channel();
        for round in 0..6 {
            let wanted = content(LENGTH, round);
            let slot = |number| slab.take(round as usize * 4 + number).unwrap();
            scan(&engine, slot(0), &wanted, sender.clone());
            diff(&engine, slot(1), &compressible, sender.clone());
            apply(&engine, slot(2), wanted.clone(), sender.clone());
            update(&engine, slot(3), wanted, &compressible, sender.clone());
        }
        drop(sender);
        for _ in 0..24 {
            let check = ended.recv_timeout(Duration::from_secs(120));
            check.expect("the engine never called back")();
        }
    }
}
