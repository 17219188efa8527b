//! Writing blocks to the destination.

use blockcopy_engine::ZeroBlocks;
use napi::bindgen_prelude::{Object, Uint8Array};
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::whole;
use crate::blocks::codec::Codec;
use crate::digests::{DigestAlgorithm, Digests};
use crate::disks::Sink;
use crate::engine::Engine;
use crate::memory::Slab;
use crate::promise::promise;

/// Block to write.
#[napi(object)]
pub struct Frame {
    /// Offset in the destination, in bytes.
    pub position: f64,
    /// Encoding of its payload; `zeros` has none.
    pub codec: Codec,
    /// Offset of its payload in the slot, in bytes; ignored if there is none.
    pub offset: u32,
    /// Length of the payload in bytes; if there is none, of the block.
    pub length: u32,
    /// Length of the block in bytes, if it came with the payload: a block of another length is refused. `lz4` requires it.
    #[napi(ts_type = "number | undefined")]
    pub block: Option<u32>,
    /// Largest length of the block in bytes; the limit of the format if undefined.
    #[napi(ts_type = "number | undefined")]
    pub most: Option<u32>,
}

/// Blocks to write, and how.
#[napi(object)]
pub struct ApplyOptions {
    /// The blocks, with their payloads in the slot. If blocks overlap, the later one wins.
    pub blocks: Vec<Frame>,
    /// Make holes of blocks of zeros where the destination can have holes.
    pub sparse: bool,
    /// Digest the blocks by this algorithm and return the digests.
    #[napi(ts_type = "DigestAlgorithm | undefined")]
    pub digest: Option<DigestAlgorithm>,
    /// Digest of each block. A block with a payload that has another digest is refused with the kind `wrong-digest`; the blocks before it
    /// are written.
    #[napi(ts_type = "Digests | undefined")]
    pub expected: Option<Digests>,
}

/// Blocks that were written.
#[napi(object)]
pub struct Applied {
    /// Length of each block in bytes, after decoding.
    pub lengths: Vec<u32>,
    /// Digest of each block, one after the other; empty if none were asked for.
    pub digests: Uint8Array,
}

#[napi]
impl Engine {
    /// Writes blocks whose payloads are in a slot.
    #[napi(ts_return_type = "Promise<Applied>")]
    pub fn apply<'env>(
        &self,
        env: &'env Env,
        sink: &Sink,
        slab: &Slab,
        slot: u32,
        options: ApplyOptions,
    ) -> Result<Object<'env>> {
        let frames = options.blocks.iter().map(to_frame);
        let frames = frames.collect::<Result<_>>()?;
        let options = blockcopy_engine::ApplyOptions {
            zero_blocks: zero_blocks(options.sparse),
            digest: options.digest.map(Into::into),
            expected: options.expected.map(Into::into),
        };
        let sink = sink.open()?;
        let slot = slab.take(slot)?;
        promise(env, to_applied, |done| {
            self.inner.apply(sink, slot, frames, options, done);
        })
    }

    /// Decodes a block whose payload is in a slot and compares it with its digest. Fails with the kind `corrupt-block` or `wrong-digest`.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn check<'env>(
        &self,
        env: &'env Env,
        slab: &Slab,
        slot: u32,
        block: Frame,
        digest: Digests,
    ) -> Result<Object<'env>> {
        let frame = to_frame(&block)?;
        let slot = slab.take(slot)?;
        promise(
            env,
            |()| (),
            |done| self.inner.check(slot, frame, digest.into(), done),
        )
    }

    /// Waits until everything written is on the disk.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn sync<'env>(&self, env: &'env Env, sink: &Sink) -> Result<Object<'env>> {
        let sink = sink.open()?;
        promise(env, |()| (), |done| self.inner.sync(sink, done))
    }
}

pub(crate) fn zero_blocks(sparse: bool) -> ZeroBlocks {
    if sparse {
        ZeroBlocks::MakeHoles
    } else {
        ZeroBlocks::Write
    }
}

fn to_frame(frame: &Frame) -> Result<blockcopy_engine::Frame> {
    Ok(blockcopy_engine::Frame {
        position: whole(frame.position)?,
        codec: frame.codec.into(),
        offset: frame.offset as usize,
        length: frame.length as usize,
        block: frame.block.map(|length| length as usize),
        most: frame.most.map(|length| length as usize),
    })
}

fn to_applied(applied: blockcopy_engine::Applied) -> Applied {
    Applied {
        lengths: applied.lengths,
        digests: applied.digests.into(),
    }
}
