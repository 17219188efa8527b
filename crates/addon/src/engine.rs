//! The engine.

use std::sync::Arc;

use blockcopy_engine::xz::Preset;
use blockcopy_engine::{
    Algorithm, Blocks, Changed, Codec, Compression, Digests, Extent, Frame, Simd,
};
use napi::bindgen_prelude::{Object, Uint8Array};
use napi::{Env, Result};
use napi_derive::napi;

use crate::errors::{invalid, js_error, number, whole};
use crate::files::{Sink, Source};
use crate::memory::Slab;
use crate::promise::promise;

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

/// The threads of the engine. One per process.
#[napi]
pub struct Engine {
    inner: Arc<blockcopy_engine::Engine>,
}

#[napi]
impl Engine {
    /// Starts the threads. `simd` forces SHA3-512 to use that instruction set instead of the best one.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        #[napi(ts_arg_type = "'portable' | 'neon' | 'avx2' | 'avx512'")] simd: Option<String>,
    ) -> Result<Self> {
        let simd: Option<Simd> = simd
            .map(|name| name.parse().map_err(|_| invalid("not an instruction set")))
            .transpose()?;
        let inner = blockcopy_engine::Engine::new(simd).map_err(|error| js_error(env, &error))?;
        Ok(Self { inner })
    }

    /// How it is set up, in words, for the log.
    #[napi(getter)]
    pub fn description(&self) -> String {
        self.inner.description()
    }

    /// How blocks are digested, in words, for the log.
    #[napi]
    pub fn hashing(
        &self,
        #[napi(ts_arg_type = "'sha3-512' | 'blake3'")] algorithm: String,
    ) -> Result<String> {
        Ok(self.inner.hashing(to_algorithm(&algorithm)?))
    }

    /// Opens a regular file or block device for reading.
    #[napi(ts_return_type = "Promise<Source>")]
    pub fn open_source<'env>(&self, env: &'env Env, path: String) -> Result<Object<'env>> {
        promise(env, Source::from, |done| {
            self.inner
                .run(move || Ok(blockcopy_engine::Source::open(path)?), done);
        })
    }

    /// Standard input for reading, when it is a regular file or a block device; `null` when it is a stream.
    #[napi(ts_return_type = "Promise<Source | null>")]
    pub fn open_stdin<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        promise(
            env,
            |opened: Option<_>| opened.map(Source::from),
            |done| {
                self.inner
                    .run(|| Ok(blockcopy_engine::Source::from_stdin()?), done);
            },
        )
    }

    /// Opens an existing regular file or block device for writing, a device exclusively unless `force` is given.
    #[napi(ts_return_type = "Promise<Sink>")]
    pub fn open_sink<'env>(
        &self,
        env: &'env Env,
        path: String,
        force: bool,
    ) -> Result<Object<'env>> {
        promise(env, Sink::from, |done| {
            self.inner
                .run(move || Ok(blockcopy_engine::Sink::open(path, force)?), done);
        })
    }

    /// Reads a range into a slot and returns the digests of its blocks, one after the other.
    #[napi(ts_return_type = "Promise<Uint8Array>")]
    pub fn scan<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        slab: &Slab,
        slot: u32,
        position: f64,
        length: f64,
        block_length: u32,
        #[napi(ts_arg_type = "'sha3-512' | 'blake3'")] algorithm: String,
    ) -> Result<Object<'env>> {
        let (position, blocks) = (whole(position)?, blocks(length, block_length, &algorithm)?);
        let slot = slab.take(slot)?;
        promise(env, Uint8Array::new, |done| {
            self.inner.scan(&source.inner, slot, position, blocks, done);
        })
    }

    /// The digests of the blocks that the first `length` bytes of a slot consist of, one after the other.
    #[napi(ts_return_type = "Promise<Uint8Array>")]
    pub fn digest<'env>(
        &self,
        env: &'env Env,
        slab: &Slab,
        slot: u32,
        length: f64,
        block_length: u32,
        #[napi(ts_arg_type = "'sha3-512' | 'blake3'")] algorithm: String,
    ) -> Result<Object<'env>> {
        let blocks = blocks(length, block_length, &algorithm)?;
        let slot = slab.take(slot)?;
        promise(env, Uint8Array::new, |done| {
            self.inner.digest(slot, blocks, done);
        })
    }

    /// Reads blocks into a slot and returns those that differ from `digests` (one after the other), or, without
    /// digests, all that the source has. `xz` compresses them with a dictionary of the size of the block, `xzPlain` byte for byte
    /// as blockcopy 0.0.2 does.
    #[napi(ts_return_type = "Promise<Array<Block>>")]
    pub fn diff<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        slab: &Slab,
        slot: u32,
        blocks: Vec<Range>,
        digests: Option<Uint8Array>,
        #[napi(ts_arg_type = "'sha3-512' | 'blake3'")] algorithm: String,
        #[napi(ts_arg_type = "'none' | 'xz' | 'xzPlain'")] compression: String,
    ) -> Result<Object<'env>> {
        let extents: Vec<Extent> = blocks
            .iter()
            .map(|block| {
                Ok(Extent {
                    position: whole(block.position)?,
                    length: block.length,
                })
            })
            .collect::<Result<_>>()?;
        let algorithm = to_algorithm(&algorithm)?;
        let digests = digests.map(|bytes| Digests {
            algorithm,
            bytes: bytes.to_vec(),
        });
        let compression = match compression.as_str() {
            "none" => Compression::None,
            "xz" => Compression::Xz(Preset::BlockDictionary),
            "xzPlain" => Compression::Xz(Preset::Plain),
            _ => return Err(invalid("not a way to compress blocks")),
        };
        let slot = slab.take(slot)?;
        promise(env, changed_blocks, |done| {
            self.inner
                .diff(&source.inner, slot, &extents, digests, compression, done);
        })
    }

    /// Writes blocks whose payloads lie in a slot, in order, and returns how many bytes were written.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn apply<'env>(
        &self,
        env: &'env Env,
        sink: &Sink,
        slab: &Slab,
        slot: u32,
        blocks: Vec<Block>,
    ) -> Result<Object<'env>> {
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
        let frames = blocks.iter().map(frame).collect::<Result<_>>()?;
        let slot = slab.take(slot)?;
        promise(env, number, |done| {
            self.inner.apply(&sink.inner, slot, frames, done);
        })
    }

    /// Waits until all that was written is on the disk.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn sync<'env>(&self, env: &'env Env, sink: &Sink) -> Result<Object<'env>> {
        promise(env, |()| (), |done| self.inner.sync(&sink.inner, done))
    }
}

fn blocks(length: f64, block_len: u32, algorithm: &str) -> Result<Blocks> {
    Ok(Blocks {
        length: whole(length)?,
        block_len,
        algorithm: to_algorithm(algorithm)?,
    })
}

fn to_algorithm(name: &str) -> Result<Algorithm> {
    match name {
        "sha3-512" => Ok(Algorithm::Sha3_512),
        "blake3" => Ok(Algorithm::Blake3),
        _ => Err(invalid("not a digest algorithm")),
    }
}

fn changed_blocks(changed: Vec<Changed>) -> Vec<Block> {
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
