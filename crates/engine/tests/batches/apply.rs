//! Frames that are written.

use std::fs;
use std::sync::Arc;

use blockcopy_engine::xz::{self, Preset};
use blockcopy_engine::{Codec, Frame, Sink};
use proptest::prelude::*;

use crate::support::{ENGINE, content, file, slab, wait};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

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
