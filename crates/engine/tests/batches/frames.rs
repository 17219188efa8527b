//! Random frames, and a simple model of writing them.

use std::ops::Range;
use std::sync::Arc;

use blockcopy_engine::{Codec, Compression, Frame, Level, Preset, Slab, Slot, codec};
use proptest::prelude::*;

use crate::support::{MIB, content, overwrite};

/// Position of a frame.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Directly after the previous one.
    After,
    /// Directly before the previous one.
    Before,
    /// Shortly after the beginning of the previous one.
    Over,
    At(usize),
}

#[derive(Clone, Copy, Debug)]
enum Bytes {
    Data,
    Zeros,
    /// Zeros, with one bit set at the end.
    NearlyZeros,
}

/// Specification of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    place: Place,
    length: usize,
    bytes: Bytes,
    codec: Codec,
    /// The length comes with the payload.
    with_length: bool,
}

/// Generates frames: ascending, descending, overlapping or anywhere, aligned or not, up to 2 MiB long.
pub(crate) fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let at = prop_oneof![0..3 * MIB, (0..24_usize).prop_map(|block| block * 131_072)];
    let place = prop_oneof![
        5 => Just(Place::After),
        2 => Just(Place::Before),
        1 => Just(Place::Over),
        2 => at.prop_map(Place::At),
    ];
    let length = prop_oneof![
        3 => 1..30_000_usize,
        3 => (1..40_usize).prop_map(|pages| pages * 4096),
        3 => Just(131_072),
        1 => MIB - 5000..2 * MIB,
    ];
    let bytes = prop_oneof![
        4 => Just(Bytes::Data),
        3 => Just(Bytes::Zeros),
        1 => Just(Bytes::NearlyZeros),
    ];
    let codec = prop_oneof![
        5 => Just(Codec::Raw),
        1 => Just(Codec::Xz),
        1 => Just(Codec::Zstd),
        1 => Just(Codec::Lz4),
        2 => Just(Codec::Zeros),
    ];
    let spec = (place, length, bytes, codec, any::<bool>());
    let spec = spec.prop_map(|(place, length, bytes, codec, with_length)| Spec {
        place,
        length,
        bytes,
        codec,
        with_length,
    });
    prop::collection::vec(spec, 0..16)
}

/// Frame and its block.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) position: usize,
    pub(crate) block: Vec<u8>,
    payload: Vec<u8>,
    pub(crate) codec: Codec,
    with_length: bool,
}

impl Made {
    /// Encodes a block with `codec` if possible.
    pub(crate) fn new(position: usize, block: Vec<u8>, codec: Codec) -> Self {
        let compression = match codec {
            Codec::Raw | Codec::Zeros => Compression::None,
            Codec::Xz => Compression::Xz(Preset::DEFAULT),
            Codec::Zstd => Compression::Zstd(Level::new(1).unwrap()),
            Codec::Lz4 => Compression::Lz4,
        };
        let (codec, payload) = if codec == Codec::Zeros && block.iter().all(|&byte| byte == 0) {
            (codec, Vec::new())
        } else if let Some(payload) = codec::encode(&block, compression).unwrap() {
            (codec, payload)
        } else {
            (Codec::Raw, block.clone())
        };
        Self {
            position,
            block,
            payload,
            codec,
            with_length: codec == Codec::Lz4,
        }
    }

    pub(crate) fn raw(position: usize, block: Vec<u8>) -> Self {
        Self::new(position, block, Codec::Raw)
    }

    /// Makes the payload undecodable.
    pub(crate) fn damage(&mut self) {
        self.codec = Codec::Xz;
        self.payload = b"no xz at all".to_vec();
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.position..self.position + self.block.len()
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.block.iter().all(|&byte| byte == 0)
    }
}

/// Returns the frames of `specs` that are within `limit` bytes.
pub(crate) fn make(specs: &[Spec], limit: usize) -> Vec<Made> {
    let mut frames: Vec<Made> = Vec::new();
    for (spec, seed) in specs.iter().zip(1..) {
        let before = frames.last().map_or(0..0, Made::range);
        let position = match spec.place {
            Place::After => before.end,
            Place::Before => before.start.saturating_sub(spec.length),
            Place::Over => before.start + 1000,
            Place::At(position) => position,
        };
        if position + spec.length > limit {
            continue;
        }
        let block = match spec.bytes {
            Bytes::Data => {
                let pattern = content(997, seed);
                let mut block = pattern.repeat(spec.length.div_ceil(997));
                block.truncate(spec.length);
                // Pages that happen to be zero do not count as data.
                block[0] |= 1;
                block
            }
            Bytes::Zeros => vec![0; spec.length],
            Bytes::NearlyZeros => {
                let mut block = vec![0; spec.length];
                block[spec.length - 1] = 1;
                block
            }
        };
        let mut frame = Made::new(position, block, spec.codec);
        frame.with_length |= spec.with_length;
        frames.push(frame);
    }
    frames
}

/// Returns a slot with the payloads, and the frames that refer to them.
pub(crate) fn lend(frames: &[Made]) -> (Arc<Slab>, Slot, Vec<Frame>) {
    let length: usize = frames.iter().map(|frame| frame.payload.len()).sum();
    let slab = Slab::new(1, length.max(1)).unwrap();
    let mut slot = slab.take(0).unwrap();
    let mut end = 0;
    let batch = frames.iter().map(|frame| {
        let offset = end;
        end += frame.payload.len();
        slot[offset..end].copy_from_slice(&frame.payload);
        Frame {
            position: frame.position as u64,
            codec: frame.codec,
            offset,
            length: match frame.codec {
                Codec::Zeros => frame.block.len(),
                _ => frame.payload.len(),
            },
            block: frame.with_length.then_some(frame.block.len()),
            most: None,
        }
    });
    let batch = batch.collect();
    (slab, slot, batch)
}

/// Writes one frame after the other to a vector.
pub(crate) fn write_all(frames: &[Made], content: &mut Vec<u8>) {
    for frame in frames {
        overwrite(content, &frame.block, frame.position);
    }
}
