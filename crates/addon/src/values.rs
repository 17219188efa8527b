//! What is passed between JavaScript and the engine by value.

use std::num::NonZero;
use std::ops::Range as Offsets;

use blockcopy_engine::{
    Algorithm, ApplyOptions, Blocks, Direct, EngineOptions as Options, Extent, Updated, ZeroBlocks,
};
use napi::Result;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::arguments::{invalid, number, whole};

/// A range of a source.
#[napi(object)]
pub struct Range {
    /// Offset of its first byte.
    pub position: f64,
    /// Length in bytes.
    pub length: u32,
}

/// Digests by one algorithm.
#[napi(object)]
pub struct Digests {
    /// The algorithm.
    #[napi(ts_type = "'sha3-512' | 'blake3'")]
    pub algorithm: String,
    /// All of them, one after the other.
    pub bytes: Uint8Array,
}

/// What came of writing a batch.
#[napi(object)]
pub struct Applied {
    /// The length of each block in bytes: for a compressed one, that of what it decoded to.
    pub lengths: Vec<u32>,
    /// The digest of each block, one after the other; empty if none were asked for.
    pub digests: Uint8Array,
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

/// How a file or device is opened for writing.
#[napi(object)]
pub struct SinkOptions {
    /// Whoever is using it; otherwise a device is opened exclusively.
    pub force: bool,
    /// A regular file that is missing is made, for its owner alone, except among the devices.
    pub create: bool,
    /// Locked with flock(2), for as long as the sink lives; fails with the kind `locked` if somebody else has locked it.
    pub lock: bool,
    /// Past the page cache, or not.
    #[napi(ts_type = "'auto' | 'on' | 'off'")]
    pub direct: String,
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

pub(crate) fn to_digests(algorithm: Algorithm, bytes: &Uint8Array) -> blockcopy_engine::Digests {
    blockcopy_engine::Digests {
        algorithm,
        bytes: bytes.to_vec(),
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

pub(crate) fn to_direct(name: &str) -> Result<Direct> {
    name.parse()
        .map_err(|()| invalid("not a way to go past the page cache"))
}

pub(crate) fn to_apply_options(
    sparse: bool,
    digest: Option<&str>,
    expected: Option<&Digests>,
) -> Result<ApplyOptions> {
    let check = |check: &Digests| {
        let algorithm = to_algorithm(&check.algorithm)?;
        Result::Ok(to_digests(algorithm, &check.bytes))
    };
    Ok(ApplyOptions {
        zero_blocks: to_zeros(sparse),
        digest: digest.map(to_algorithm).transpose()?,
        expected: expected.map(check).transpose()?,
    })
}

pub(crate) fn to_applied(applied: blockcopy_engine::Applied) -> Applied {
    Applied {
        lengths: applied.lengths,
        digests: applied.digests.into(),
    }
}

pub(crate) fn to_sink_options(options: &SinkOptions) -> Result<blockcopy_engine::SinkOptions> {
    Ok(blockcopy_engine::SinkOptions {
        force: options.force,
        create: options.create,
        lock: options.lock,
        direct: to_direct(&options.direct)?,
    })
}

pub(crate) fn to_zeros(sparse: bool) -> ZeroBlocks {
    if sparse {
        ZeroBlocks::MakeHoles
    } else {
        ZeroBlocks::Write
    }
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
