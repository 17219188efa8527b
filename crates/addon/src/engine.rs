//! The engine.

use std::sync::Arc;

use blockcopy_engine::{Comparison, Error as EngineError, Pair, UpdateOptions};
use napi::bindgen_prelude::{Object, ToNapiValue, Uint8Array};
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::arguments::{number, whole};
use crate::blocks::{Compression, Frame, frame, frames, to_diff, to_diff_options};
use crate::errors::js_error;
use crate::files::{Sink, Source};
use crate::memory::Slab;
use crate::names::to_path;
use crate::promise::promise;
use crate::values::{
    Digests, EngineOptions, Range, SinkOptions, blocks, data_range, extents, to_algorithm,
    to_applied, to_apply_options, to_digests, to_direct, to_options, to_sink_options, to_zeros,
    updated,
};

/// The threads of the engine. One per process.
#[napi]
pub struct Engine {
    pub(crate) inner: Arc<blockcopy_engine::Engine>,
}

#[napi]
impl Engine {
    /// Starts the threads.
    #[napi(constructor)]
    pub fn new(env: Env, options: EngineOptions) -> Result<Self> {
        let options = to_options(options)?;
        let inner =
            blockcopy_engine::Engine::new(options).map_err(|error| js_error(env, &error))?;
        Ok(Self { inner })
    }

    /// How it is set up, in words, for the log.
    #[napi(getter)]
    pub fn description(&self) -> String {
        self.inner.description()
    }

    /// How many bytes must be in flight for every thread to have work.
    #[napi(getter)]
    pub fn appetite(&self) -> f64 {
        number(self.inner.appetite() as u64)
    }

    /// How blocks are digested, in words, for the log.
    #[napi]
    pub fn hashing(
        &self,
        #[napi(ts_arg_type = "'sha3-512' | 'blake3'")] algorithm: String,
    ) -> Result<String> {
        Ok(self.inner.hashing(to_algorithm(&algorithm)?))
    }

    /// The digest of a block of zeros of that length.
    #[napi]
    pub fn zero_digest(
        &self,
        #[napi(ts_arg_type = "'sha3-512' | 'blake3'")] algorithm: String,
        length: u32,
    ) -> Result<Uint8Array> {
        let algorithm = to_algorithm(&algorithm)?;
        Ok(self.inner.zero_digest(algorithm, length as usize).into())
    }

    /// Opens a regular file or block device for reading.
    #[napi(ts_return_type = "Promise<Source>")]
    pub fn open_source<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] path: JsString<'_>,
        #[napi(ts_arg_type = "'auto' | 'on' | 'off'")] direct: String,
    ) -> Result<Object<'env>> {
        let path = to_path(path)?;
        let direct = to_direct(&direct)?;
        promise(env, Source::from, |done| {
            self.inner.run(
                move || Ok(blockcopy_engine::Source::open(path, direct)?),
                done,
            );
        })
    }

    /// Standard input for reading, when it is a regular file or a block device; `null` when it is a stream.
    #[napi(ts_return_type = "Promise<Source | null>")]
    pub fn open_stdin<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "'auto' | 'on' | 'off'")] direct: String,
    ) -> Result<Object<'env>> {
        let direct = to_direct(&direct)?;
        promise(
            env,
            |opened: Option<_>| opened.map(Source::from),
            |done| {
                self.inner.run(
                    move || Ok(blockcopy_engine::Source::from_stdin(direct)?),
                    done,
                );
            },
        )
    }

    /// Opens a regular file or block device for writing.
    #[napi(ts_return_type = "Promise<Sink>")]
    pub fn open_sink<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] path: JsString<'_>,
        options: SinkOptions,
    ) -> Result<Object<'env>> {
        let path = to_path(path)?;
        let options = to_sink_options(&options)?;
        promise(env, Sink::from, |done| {
            self.inner.run(
                move || Ok(blockcopy_engine::Sink::open(path, options)?),
                done,
            );
        })
    }

    /// The file or device behind a sink, for reading.
    #[napi(ts_return_type = "Promise<Source>")]
    pub fn open_reader<'env>(
        &self,
        env: &'env Env,
        sink: &Sink,
        #[napi(ts_arg_type = "'auto' | 'on' | 'off'")] direct: String,
    ) -> Result<Object<'env>> {
        let direct = to_direct(&direct)?;
        let sink = Arc::clone(&sink.inner);
        promise(env, Source::from, |done| {
            self.inner.run(move || Ok(sink.reader(direct)?), done);
        })
    }

    /// The first range with data at or behind an offset: what lies before it is a hole. Empty, at the end of the source, if there is
    /// no more data.
    #[napi(ts_return_type = "Promise<DataRange>")]
    pub fn data_from<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        offset: f64,
    ) -> Result<Object<'env>> {
        let offset = whole(offset)?;
        let source = Arc::clone(&source.inner);
        promise(env, data_range, |done| {
            self.inner.run(move || Ok(source.data_from(offset)), done);
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
    /// digests, all that the source has; with `hashed`, their own digests as well. With `zeros`, those of zeros have no payload.
    #[napi(ts_return_type = "Promise<Diff>")]
    pub fn diff<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        slab: &Slab,
        slot: u32,
        blocks: Vec<Range>,
        digests: Option<Uint8Array>,
        #[napi(ts_arg_type = "'sha3-512' | 'blake3'")] algorithm: String,
        hashed: bool,
        compression: Compression,
        zeros: bool,
    ) -> Result<Object<'env>> {
        let extents = extents(&blocks)?;
        let algorithm = to_algorithm(&algorithm)?;
        let theirs = match digests {
            Some(bytes) => Comparison::Digests(to_digests(algorithm, &bytes)),
            None => Comparison::Nothing(hashed.then_some(algorithm)),
        };
        let coding = to_diff_options(&compression, zeros)?;
        let slot = slab.take(slot)?;
        promise(env, to_diff, |done| {
            self.inner
                .diff(&source.inner, slot, &extents, theirs, coding, done);
        })
    }

    /// Writes blocks whose payloads lie in a slot and returns what was written; of blocks that overlap the later one wins.
    /// With `sparse`, blocks of zeros become holes where the destination can have any. With `digest`, the blocks are digested on the way.
    /// With `check`, a block that has a payload is only written if it has its digest (one for each block); otherwise the failure is of the
    /// kind `wrong-digest`, and the blocks before it are written.
    #[napi(ts_return_type = "Promise<Applied>")]
    pub fn apply<'env>(
        &self,
        env: &'env Env,
        sink: &Sink,
        slab: &Slab,
        slot: u32,
        blocks: Vec<Frame>,
        sparse: bool,
        #[napi(ts_arg_type = "'sha3-512' | 'blake3' | undefined")] digest: Option<String>,
        #[napi(ts_arg_type = "Digests | undefined")] check: Option<Digests>,
    ) -> Result<Object<'env>> {
        let frames = frames(&blocks)?;
        let options = to_apply_options(sparse, digest.as_deref(), check.as_ref())?;
        let slot = slab.take(slot)?;
        promise(env, to_applied, |done| {
            self.inner.apply(&sink.inner, slot, frames, options, done);
        })
    }

    /// Decodes a block whose payload lies in a slot, and compares it with its digest. Fails with the kind `corrupt-block` or `wrong-digest`.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn check<'env>(
        &self,
        env: &'env Env,
        slab: &Slab,
        slot: u32,
        block: Frame,
        digest: Digests,
    ) -> Result<Object<'env>> {
        let frame = frame(&block)?;
        let digests = to_digests(to_algorithm(&digest.algorithm)?, &digest.bytes);
        let slot = slab.take(slot)?;
        promise(
            env,
            |()| (),
            |done| {
                self.inner.check(slot, frame, digests, done);
            },
        )
    }

    /// Compares a range of `source` with the same of `target`, block by block, and writes the blocks that differ to `sink`, which is
    /// `target` opened for writing. The slot has room for both sides. `sparse` as for `apply`.
    #[napi(ts_return_type = "Promise<Update>")]
    pub fn update<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        target: &Source,
        sink: &Sink,
        slab: &Slab,
        slot: u32,
        position: f64,
        length: f64,
        block_length: u32,
        sparse: bool,
    ) -> Result<Object<'env>> {
        let pair = Pair {
            source: Arc::clone(&source.inner),
            target: Arc::clone(&target.inner),
            sink: Arc::clone(&sink.inner),
        };
        let (position, length) = (whole(position)?, whole(length)?);
        let slot = slab.take(slot)?;
        promise(env, updated, |done| {
            self.inner.update(
                &pair,
                slot,
                UpdateOptions {
                    position,
                    length,
                    block_len: block_length,
                    zero_blocks: to_zeros(sparse),
                },
                done,
            );
        })
    }

    /// Waits until all that was written is on the disk.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn sync<'env>(&self, env: &'env Env, sink: &Sink) -> Result<Object<'env>> {
        promise(env, |()| (), |done| self.inner.sync(&sink.inner, done))
    }
}

impl Engine {
    /// Runs `ask`, which may wait for a disk, on a thread of the engine, and returns a promise of its answer.
    pub(crate) fn answer<'env, T: ToNapiValue + Send + 'static>(
        &self,
        env: &'env Env,
        ask: impl FnOnce() -> std::result::Result<T, EngineError> + Send + 'static,
    ) -> Result<Object<'env>> {
        promise(env, |answer| answer, |done| self.inner.run(ask, done))
    }
}
