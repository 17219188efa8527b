//! What is passed between JavaScript and the engine by value.

use std::num::NonZero;
use std::ops::Range as Offsets;

use blockcopy_engine::xz::Preset;
use blockcopy_engine::{
    Algorithm, Blocks, Changed, Codec, Compression, Direct, Extent, Frame, Options, Updated, Zeros,
};
use napi::Result;
use napi_derive::napi;

use crate::errors::{invalid, number, whole};

/// A range of a source.
#[napi(object)]
pub struct Range {
    /// Offset of its first byte.
    pub position: f64,
    /// Length in bytes.
    pub length: u32,
}

/// A block on its way from source to destination.
#[napi(object)]
pub struct Block {
    /// Where it belongs, in bytes.
    pub position: f64,
    /// Where its payload lies in the slot, in bytes.
    pub offset: u32,
    /// Length of the payload in bytes.
    pub length: u32,
    /// Whether the payload is in the .xz format.
    pub compressed: bool,
}

/// A range of a source that has data.
#[napi(object)]
pub struct DataRange {
    /// Offset of its first byte.
    pub start: f64,
    /// Offset of the byte after its last one.
    pub end: f64,
}

/// What an update has found and done.
#[napi(object)]
pub struct Update {
    /// Bytes of the blocks that differed and were written.
    pub changed: f64,
    /// Blocks that differed.
    pub blocks: f64,
}

/// How the engine is set up; what is left out is as suits this machine.
#[napi(object)]
pub struct EngineOptions {
    /// The instruction set that SHA3-512 uses.
    #[napi(ts_type = "'portable' | 'neon' | 'avx2' | 'avx512' | undefined")]
    pub simd: Option<String>,
    /// Threads that hash and compress, at least one.
    #[napi(ts_type = "number | undefined")]
    pub threads: Option<u32>,
    /// Reads or writes in flight, at least one.
    #[napi(ts_type = "number | undefined")]
    pub queue_depth: Option<u32>,
}

pub(crate) fn blocks(length: f64, block_len: u32, algorithm: &str) -> Result<Blocks> {
    Ok(Blocks {
        length: whole(length)?,
        block_len,
        algorithm: to_algorithm(algorithm)?,
    })
}

pub(crate) fn to_algorithm(name: &str) -> Result<Algorithm> {
    match name {
        "sha3-512" => Ok(Algorithm::Sha3_512),
        "blake3" => Ok(Algorithm::Blake3),
        _ => Err(invalid("not a digest algorithm")),
    }
}

pub(crate) fn to_compression(name: &str) -> Result<Compression> {
    match name {
        "none" => Ok(Compression::None),
        "xz" => Ok(Compression::Xz(Preset::BlockDictionary)),
        "xzPlain" => Ok(Compression::Xz(Preset::Plain)),
        _ => Err(invalid("not a way to compress blocks")),
    }
}

pub(crate) fn to_options(options: EngineOptions) -> Result<Options> {
    let simd = options.simd.map(|name| name.parse());
    Ok(Options {
        simd: simd
            .transpose()
            .map_err(|_| invalid("not an instruction set"))?,
        threads: count(options.threads)?,
        queue_depth: count(options.queue_depth)?,
    })
}

pub(crate) fn extents(blocks: &[Range]) -> Result<Vec<Extent>> {
    let extent = |block: &Range| {
        Ok(Extent {
            position: whole(block.position)?,
            length: block.length,
        })
    };
    blocks.iter().map(extent).collect()
}

pub(crate) fn frames(blocks: &[Block]) -> Result<Vec<Frame>> {
    let frame = |block: &Block| {
        Ok(Frame {
            position: whole(block.position)?,
            codec: if block.compressed {
                Codec::Xz
            } else {
                Codec::Raw
            },
            offset: block.offset as usize,
            length: block.length as usize,
        })
    };
    blocks.iter().map(frame).collect()
}

pub(crate) fn to_direct(name: &str) -> Result<Direct> {
    name.parse()
        .map_err(|()| invalid("not a way to go past the page cache"))
}

pub(crate) fn to_zeros(sparse: bool) -> Zeros {
    if sparse { Zeros::Holes } else { Zeros::Written }
}

fn count(count: Option<u32>) -> Result<Option<NonZero<usize>>> {
    count
        .map(|count| {
            NonZero::new(count as usize).ok_or_else(|| invalid("a number that must not be zero"))
        })
        .transpose()
}

pub(crate) fn data_range(range: Offsets<u64>) -> DataRange {
    DataRange {
        start: number(range.start),
        end: number(range.end),
    }
}

pub(crate) fn updated(updated: Updated) -> Update {
    Update {
        changed: number(updated.changed),
        blocks: number(updated.blocks),
    }
}

pub(crate) fn changed_blocks(changed: Vec<Changed>) -> Vec<Block> {
    // Offsets and lengths lie within a slot, whose length is a u32.
    let within_slot = |value| u32::try_from(value).unwrap_or(u32::MAX);
    let block = |block: Changed| Block {
        position: number(block.position),
        offset: within_slot(block.offset),
        length: within_slot(block.length),
        compressed: block.codec == Codec::Xz,
    };
    changed.into_iter().map(block).collect()
}
