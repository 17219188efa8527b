//! Batches of frames, written to a file or device in memory, and by a plain model.

use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use blockcopy_blockio::{Fault, Memory, Operation};
use blockcopy_engine::codec::{self, MAX_BLOCK_LEN};
use blockcopy_engine::{
    Algorithm, Applied, ApplyOptions, Codec, Compression, Digests, Direct, Engine, EngineOptions,
    Error, Frame, Level, Preset, Sink, Slab, ZeroBlocks,
};
mod model;

use model::{Model, decoded, digest};

const SLOT_LEN: usize = 128 * 1024;

/// Most frames in a batch.
const MOST_FRAMES: usize = 16;

/// Limit for the length of a file in memory: a write beyond it fails.
const LIMIT: u64 = 512 * 1024;

/// Operations that make a file longer.
const GROWING: [Operation; 5] = [
    Operation::Write,
    Operation::DirectWrite,
    Operation::PunchHole,
    Operation::ZeroRange,
    Operation::SetLen,
];

/// Number of that failure: EFBIG.
const TOO_LARGE: i32 = 27;

static ENGINE: LazyLock<Arc<Engine>> =
    LazyLock::new(|| Engine::new(EngineOptions::default()).expect("threads"));

/// Interpretation of the bytes from the fuzzer. The memory of the slot comes last: it is all remaining bytes.
#[derive(Arbitrary, Debug)]
struct Batch<'bytes> {
    is_device: bool,
    /// Length of the destination, in sectors.
    sectors: u8,
    granularity: Granularity,
    make_holes: bool,
    /// Digests to return.
    digest: Option<Sha3>,
    /// Digests to compare with.
    expected: Option<Sha3>,
    frames: Vec<Spec>,
    memory: &'bytes [u8],
}

/// Either algorithm.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Sha3(bool);

/// Granularity of direct access.
#[derive(Arbitrary, Debug)]
enum Granularity {
    None,
    Sector,
    Page,
}

/// Frame, sound or not.
#[derive(Arbitrary, Debug)]
struct Spec {
    position: Place,
    payload: Payload,
    /// Named length of the block, relative to the true one if that is known.
    block: Option<i16>,
    most: Option<u16>,
    /// It comes with a wrong digest.
    wrong: bool,
}

#[derive(Arbitrary, Debug)]
enum Place {
    Near(u32),
    End(i16),
    Any(u64),
}

#[derive(Arbitrary, Debug)]
enum Payload {
    /// Any part of the slot, or beyond it.
    Part {
        codec: u8,
        offset: u32,
        length: u32,
    },
    /// Block of repeated bytes, compressed.
    Coded {
        method: u8,
        unit: u16,
        length: u16,
    },
    Zeros(u32),
}

/// Writes a batch, and compares the result with what a plain model makes of it.
pub(crate) fn apply(bytes: &[u8]) {
    let Ok(batch) = Batch::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let before = vec![0x5a; usize::from(batch.sectors) * 512];
    let memory = destination(&batch, &before);
    let sink = Arc::new(Sink::in_memory(&memory, Direct::Auto).expect("sink"));
    let (slot, frames) = batch.laid_out();
    let mut model = Model::new(memory.kind(), before);
    let options = batch.options(&frames, &slot);
    for (index, frame) in frames.iter().enumerate() {
        model.add(
            *frame,
            &slot,
            options.expected.as_ref().map(|all| (all, index)),
        );
    }
    match write(&sink, &slot, frames, &options) {
        Ok(applied) => model.assert_written(&memory, &applied, options.digest),
        Err(error) => model.assert_refused(&memory, &error),
    }
}

fn destination(batch: &Batch<'_>, content: &[u8]) -> Memory {
    let memory = if batch.is_device {
        Memory::device(content)
    } else {
        Memory::file(content)
    };
    let memory = memory.with_granularity(match batch.granularity {
        Granularity::None => None,
        Granularity::Sector => Some(512),
        Granularity::Page => Some(4096),
    });
    GROWING.into_iter().fold(memory, |memory, operation| {
        memory.with_fault(Fault::new(operation, LIMIT..u64::MAX, TOO_LARGE))
    })
}

fn write(
    sink: &Arc<Sink>,
    content: &[u8],
    frames: Vec<Frame>,
    options: &ApplyOptions,
) -> Result<Applied, Error> {
    let slab = Slab::new(1, SLOT_LEN).expect("memory");
    let mut slot = slab.take(0).expect("the only slot");
    slot[..content.len()].copy_from_slice(content);
    let (sender, receiver) = channel();
    ENGINE.apply(sink, slot, frames, options.clone(), move |result| {
        // The receiver is gone only after a panic.
        let _ = sender.send(result);
    });
    let outcome = receiver.recv_timeout(Duration::from_secs(60));
    assert!(slab.take(0).is_some(), "the slot is still taken");
    outcome.expect("the engine never called back")
}

impl Batch<'_> {
    /// Returns the memory of the slot and the frames, whose payloads are in it or should be.
    fn laid_out(&self) -> (Vec<u8>, Vec<Frame>) {
        let mut slot = self.memory[..self.memory.len().min(SLOT_LEN / 2)].to_vec();
        let specs = self.frames.iter().take(MOST_FRAMES);
        let frames = specs.map(|spec| spec.laid_out(self, &mut slot)).collect();
        slot.resize(SLOT_LEN, 0x77);
        (slot, frames)
    }

    fn options(&self, frames: &[Frame], slot: &[u8]) -> ApplyOptions {
        let digest_of = |(frame, spec): (&Frame, &Spec), algorithm| {
            let block = decoded(frame, slot).unwrap_or_default();
            let mut digest = digest(algorithm, &block);
            digest[0] ^= u8::from(spec.wrong);
            digest
        };
        ApplyOptions {
            zero_blocks: if self.make_holes {
                ZeroBlocks::MakeHoles
            } else {
                ZeroBlocks::Write
            },
            digest: self.digest.map(Sha3::algorithm),
            expected: self.expected.map(Sha3::algorithm).map(|algorithm| {
                let pairs = frames.iter().zip(&self.frames);
                let bytes = pairs.flat_map(|pair| digest_of(pair, algorithm)).collect();
                Digests { algorithm, bytes }
            }),
        }
    }
}

impl Sha3 {
    fn algorithm(self) -> Algorithm {
        if self.0 {
            Algorithm::Sha3_512
        } else {
            Algorithm::Blake3
        }
    }
}

impl Spec {
    fn laid_out(&self, batch: &Batch<'_>, slot: &mut Vec<u8>) -> Frame {
        let size = u64::from(batch.sectors) * 512;
        let position = match self.position {
            Place::Near(at) => u64::from(at) % (size + 4096),
            Place::End(distance) => size.saturating_add_signed(distance.into()),
            Place::Any(at) => at,
        };
        let (codec, offset, length, known) = match self.payload {
            Payload::Part {
                codec,
                offset,
                length,
            } => {
                let codec =
                    [Codec::Raw, Codec::Xz, Codec::Zstd, Codec::Lz4][usize::from(codec) % 4];
                let offset = offset as usize % (SLOT_LEN + 9);
                (codec, offset, length as usize % (SLOT_LEN + 9), None)
            }
            Payload::Coded {
                method,
                unit,
                length,
            } => {
                let unit = unit.to_le_bytes();
                let block = unit.repeat(usize::from(length) / 8 + 1);
                let compression = match method % 3 {
                    0 => Compression::Lz4,
                    1 => Compression::Zstd(Level::new(1).expect("a level")),
                    _ => Compression::Xz(Preset::DEFAULT),
                };
                let smaller = codec::encode(&block, compression).expect("memory");
                let (codec, payload) = match smaller {
                    Some(payload) => (compression.codec(), payload),
                    None => (Codec::Raw, block.clone()),
                };
                let (offset, length) = (slot.len(), payload.len());
                if offset + length <= SLOT_LEN {
                    slot.extend(payload);
                }
                (codec, offset, length, Some(block.len()))
            }
            Payload::Zeros(length) => {
                let length = length as usize % (MAX_BLOCK_LEN + 2);
                (Codec::Zeros, usize::MAX, length, Some(length))
            }
        };
        let block = match (self.block, known) {
            (None, _) => None,
            (Some(excess), Some(known)) => known.checked_add_signed(isize::from(excess) >> 12),
            (Some(named), None) => Some(usize::from(named.unsigned_abs())),
        };
        let most = self.most.map(usize::from);
        Frame {
            position,
            codec,
            offset,
            length,
            block,
            most,
        }
    }
}
