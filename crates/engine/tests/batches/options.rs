//! An engine with hardly any threads does the same, and comes to an end.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use blockcopy_engine::{
    Algorithm, Blocks, Codec, Comparison, Compression, Engine, EngineOptions, Extent, Frame, Kind,
    Pair, Preset, Slab, ZeroBlocks,
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
fn as_many_threads_as_wanted() {
    let description = engine(3, 5).description();
    assert_eq!(
        description,
        "threads that hash: 3, reads or writes in flight: 5"
    );
    assert!(Engine::new(EngineOptions::default()).unwrap().appetite() > engine(1, 1).appetite());
}

/// Starts everything at once, on as few threads as there can be.
#[test]
fn everything_at_once_comes_to_an_end() {
    const LENGTH: usize = 3 * MIB + 5000;
    let compressible: Vec<u8> = b"holes and blocks, ".repeat(LENGTH / 18 + 1)[..LENGTH].to_vec();
    let extents: Vec<_> = Extent::blocks(0, LENGTH as u64, 131_072).collect();
    for (threads, queue_depth) in [(1, 1), (1, 4), (2, 1)] {
        let engine = engine(threads, queue_depth);
        let slab = Slab::new(24, 2 * 4 * MIB).unwrap();
        let (sender, ended) = channel::<Box<dyn FnOnce() + Send>>();
        for round in 0..6 {
            let wanted = content(LENGTH, round);
            let slot = |number| slab.take(round as usize * 4 + number).unwrap();

            let source = memory_source(&memory(Kind::File, &wanted, Some(512)));
            let blocks = Blocks {
                length: LENGTH as u64,
                block_len: 131_072,
                algorithm: Algorithm::Blake3,
            };
            let expected = digests(Algorithm::Blake3, wanted.chunks(131_072));
            let tell = sender.clone();
            engine.scan(&source, slot(0), 0, blocks, move |found| {
                let check = move || assert_eq!(found.unwrap(), expected);
                let _ = tell.send(Box::new(check));
            });

            let packed = memory_source(&memory(Kind::File, &compressible, Some(512)));
            let tell = sender.clone();
            let xz = coded(Compression::Xz(Preset::DEFAULT));
            let all = Comparison::Nothing(None);
            engine.diff(&packed, slot(1), &extents, all, xz, move |diff| {
                let check = || assert_eq!(diff.unwrap().changed.len(), 25);
                let _ = tell.send(Box::new(check));
            });

            let target = memory(Kind::File, &[], Some(512));
            let mut payloads = slot(2);
            payloads[..LENGTH].copy_from_slice(&wanted);
            let frame = |extent: &Extent| Frame {
                position: extent.position,
                codec: Codec::Raw,
                offset: extent.position as usize,
                length: extent.length as usize,
                block: None,
                most: None,
            };
            let frames = extents.iter().map(frame).collect();
            let (tell, expected) = (sender.clone(), wanted.clone());
            let sink = memory_sink(&target);
            engine.apply(
                &sink,
                payloads,
                frames,
                apply_options(ZeroBlocks::MakeHoles),
                move |written| {
                    let check = move || {
                        assert_eq!(
                            written.unwrap().lengths.iter().sum::<u32>() as usize,
                            LENGTH
                        );
                        assert_same(&target.content(), &expected, "applied");
                    };
                    let _ = tell.send(Box::new(check));
                },
            );

            let target = memory(Kind::File, &compressible, Some(512));
            let pair = Pair {
                source,
                target: memory_source(&target),
                sink: memory_sink(&target),
            };
            let (tell, length) = (sender.clone(), LENGTH as u64);
            let zeros = ZeroBlocks::MakeHoles;
            engine.update(
                &pair,
                slot(3),
                update_options(0, length, 131_072, zeros),
                move |updated| {
                    let check = move || {
                        assert_eq!(updated.unwrap().blocks, 25);
                        assert_same(&target.content(), &wanted, "updated");
                    };
                    let _ = tell.send(Box::new(check));
                },
            );
        }
        drop(sender);
        for _ in 0..24 {
            let check = ended.recv_timeout(Duration::from_secs(120));
            check.expect("the engine never called back")();
        }
    }
}
