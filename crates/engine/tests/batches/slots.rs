//! Slots are free when `done` is called, also after a refusal.

use std::sync::Arc;
use std::sync::mpsc::channel;

use blockcopy_engine::{
    Algorithm, Blocks, Codec, Comparison, Digests, Error, Extent, Frame, Kind, Pair, Slab, Slot,
    ZeroBlocks,
};

use crate::support::{
    AS_IS, ENGINE, apply_options, content, memory, memory_sink, memory_source, update_options,
};

/// Starts an operation with the slot of `slab`; returns the kind of its failure, and if the slot was free then.
fn outcome<T: 'static>(
    slab: &Arc<Slab>,
    start: impl FnOnce(Slot, Box<dyn FnOnce(Result<T, Error>) + Send>),
) -> (Option<&'static str>, bool) {
    let (sender, receiver) = channel();
    let slot = slab.take(0).expect("the slot is free again");
    let slab = Arc::clone(slab);
    start(
        slot,
        Box::new(move |result| {
            let code = result.err().map(|error| error.code());
            // Released before `done` is called.
            let free = slab.take(0).is_some();
            sender.send((code, free)).unwrap();
        }),
    );
    receiver.recv().expect("the engine never called back")
}

const FREE: (Option<&str>, bool) = (None, true);
const REFUSED: (Option<&str>, bool) = (Some("internal"), true);

fn blocks(length: u64) -> Blocks {
    Blocks {
        length,
        block_len: 4096,
        algorithm: Algorithm::Blake3,
    }
}

#[test]
fn of_a_scan() {
    let source = memory_source(&memory(Kind::File, &content(100_000, 5), Some(512)));
    let slab = Slab::new(1, 131_072).unwrap();
    for (position, length, expected) in [
        (0, 100_000, FREE),
        (0, 0, FREE),
        (1, 100_000, REFUSED),
        (0, 131_073, REFUSED),
    ] {
        let found = outcome(&slab, |slot, done| {
            ENGINE.scan(&source, slot, position, blocks(length), done);
        });
        assert_eq!(found, expected, "{position} {length}");
    }
}

#[test]
fn of_a_digest() {
    let slab = Slab::new(1, 131_072).unwrap();
    for (length, expected) in [(100_000, FREE), (0, FREE), (131_073, REFUSED)] {
        let found = outcome(&slab, |slot, done| {
            ENGINE.digest(slot, blocks(length), done);
        });
        assert_eq!(found, expected, "{length}");
    }
}

#[test]
fn of_a_diff() {
    let source = memory_source(&memory(Kind::File, &content(100_000, 5), Some(512)));
    let slab = Slab::new(1, 131_072).unwrap();
    let extents: Vec<_> = Extent::blocks(0, 100_000, 4096).collect();
    let far = [Extent {
        position: u64::MAX,
        length: 1,
    }];
    let large: Vec<_> = Extent::blocks(0, 140_000, 4096).collect();
    let cut = Digests {
        algorithm: Algorithm::Blake3,
        bytes: vec![0; 31],
    };
    for (extents, digests, expected) in [
        (&extents[..], None, FREE),
        (&[], None, FREE),
        (&extents, Some(cut), REFUSED),
        (&far, None, REFUSED),
        (&large, None, REFUSED),
    ] {
        let found = outcome(&slab, |slot, done| {
            let theirs = digests.map_or(Comparison::Nothing(None), Comparison::Digests);
            ENGINE.diff(&source, slot, extents, theirs, AS_IS, done);
        });
        assert_eq!(found, expected, "{} blocks", extents.len());
    }
}

#[test]
fn of_an_apply() {
    let sink = memory_sink(&memory(Kind::File, &content(100_000, 5), Some(512)));
    let slab = Slab::new(1, 131_072).unwrap();
    for (length, expected) in [(100_000, FREE), (131_073, REFUSED)] {
        let frame = Frame {
            position: 7,
            codec: Codec::Raw,
            offset: 0,
            length,
            block: None,
            most: None,
        };
        let found = outcome(&slab, |slot, done| {
            ENGINE.apply(
                &sink,
                slot,
                vec![frame],
                apply_options(ZeroBlocks::MakeHoles),
                done,
            );
        });
        assert_eq!(found, expected, "{length}");
    }
}

#[test]
fn of_an_update() {
    let target = memory(Kind::File, &content(100_000, 6), Some(512));
    let pair = Pair {
        source: memory_source(&memory(Kind::File, &content(100_000, 5), Some(512))),
        destination: memory_source(&target),
        sink: memory_sink(&target),
    };
    let slab = Slab::new(1, 131_072).unwrap();
    for (position, length, block_len, expected) in [
        (0, 0, 4096, FREE),
        (4096, 65_536, 4096, FREE),
        (96_000 / 4096 * 4096, 1, 8192, FREE),
        // It has room for both sides only.
        (0, 65_537, 4096, REFUSED),
        (512, 4096, 4096, REFUSED),
        (0, 4096, 512, REFUSED),
        (0, 4096, 0, REFUSED),
        (98_304, 1697, 4096, REFUSED),
        (u64::MAX - 4095, 4096, 4096, REFUSED),
    ] {
        let found = outcome(&slab, |slot, done| {
            let zeros = ZeroBlocks::Write;
            ENGINE.update(
                &pair,
                slot,
                update_options(position, length, block_len, zeros),
                done,
            );
        });
        assert_eq!(found, expected, "{position} {length} {block_len}");
    }
}
