//! Comparing blocks of the source with the digests of the destination.

use blockcopy_engine::{ChangedBlock, Comparison, Extent};
use napi::bindgen_prelude::{Object, Uint8Array};
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::{number, whole};
use crate::blocks::codec::{Codec, Compression, to_compression};
use crate::digests::{DigestAlgorithm, to_digests};
use crate::disks::Source;
use crate::engine::Engine;
use crate::memory::Slab;
use crate::promise::promise;

/// Range of a source.
#[napi(object)]
pub struct Range {
    /// Offset of its first byte.
    pub position: f64,
    /// Length in bytes.
    pub length: u32,
}

/// Blocks to compare, and how changed ones are returned.
#[napi(object)]
pub struct DiffOptions {
    /// The blocks.
    pub blocks: Vec<Range>,
    /// Digest of each block as the destination has it, one after the other. If undefined, all blocks that the source has are returned.
    #[napi(ts_type = "Uint8Array | undefined")]
    pub digests: Option<Uint8Array>,
    /// Algorithm of these digests and of those returned.
    pub algorithm: DigestAlgorithm,
    /// Return the digests of the source even without others to compare with.
    pub hashed: bool,
    /// Compression of the blocks returned.
    pub compression: Compression,
    /// Return blocks of zeros without a payload.
    pub omit_zeros: bool,
}

/// Block of the source that the destination needs.
#[napi(object)]
pub struct Block {
    /// Offset in bytes.
    pub position: f64,
    /// Encoding of its payload; `zeros` has none.
    pub codec: Codec,
    /// Offset of its payload in the slot, in bytes; 0 if there is none.
    pub offset: u32,
    /// Length of the payload in bytes; if there is none, of the block.
    pub length: u32,
    /// Length of the block in bytes: shorter than asked for at the end of the source.
    pub block: u32,
    /// Index of the block in the batch, and of its digest.
    pub index: u32,
}

/// Comparison of a batch of the source with the destination.
#[napi(object)]
pub struct Diff {
    /// The blocks that the destination needs.
    pub changed: Vec<Block>,
    /// Digest of each block of the batch as the source has it, one after the other; empty if none were asked for.
    pub digests: Uint8Array,
}

#[napi]
impl Engine {
    /// Reads blocks into a slot and returns those that differ from the destination.
    #[napi(ts_return_type = "Promise<Diff>")]
    pub fn diff<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        slab: &Slab,
        slot: u32,
        options: DiffOptions,
    ) -> Result<Object<'env>> {
        let extents = to_extents(&options.blocks)?;
        let algorithm = options.algorithm;
        let comparison = match options.digests {
            Some(bytes) => Comparison::Digests(to_digests(algorithm, &bytes)),
            None => Comparison::Nothing(options.hashed.then_some(algorithm.into())),
        };
        let options = blockcopy_engine::DiffOptions {
            compression: to_compression(&options.compression)?,
            omit_zeros: options.omit_zeros,
        };
        let source = source.open()?;
        let slot = slab.take(slot)?;
        promise(env, to_diff, |done| {
            self.inner
                .diff(source, slot, &extents, comparison, options, done);
        })
    }
}

pub(crate) fn to_extents(blocks: &[Range]) -> Result<Vec<Extent>> {
    let extent = |block: &Range| {
        Ok(Extent {
            position: whole(block.position)?,
            length: block.length,
        })
    };
    blocks.iter().map(extent).collect()
}

fn to_diff(diff: blockcopy_engine::Diff) -> Diff {
    // Offsets and lengths lie within a slot, whose length is a u32, and a batch is an array, whose length is one too.
    let narrow = |value| u32::try_from(value).unwrap_or(u32::MAX);
    let block = |block: ChangedBlock| Block {
        position: number(block.position),
        codec: block.codec.into(),
        offset: narrow(block.offset),
        length: narrow(block.length),
        block: narrow(block.block),
        index: narrow(block.index),
    };
    Diff {
        changed: diff.changed.into_iter().map(block).collect(),
        digests: diff.digests.into(),
    }
}
