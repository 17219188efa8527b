//! The engine.

use std::num::NonZero;
use std::sync::Arc;

use blockcopy_engine::Error as EngineError;
use napi::bindgen_prelude::{Object, ToNapiValue, Uint8Array};
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::{invalid, number};
use crate::digests::DigestAlgorithm;
use crate::errors::js_error;
use crate::promise::promise;

/// Instruction set for SHA3-512.
#[napi(string_enum)]
#[derive(Clone, Copy)]
pub enum Simd {
    /// Instructions that every CPU has.
    #[napi(value = "portable")]
    Portable,
    /// `AArch64` with the SHA-3 instructions.
    #[napi(value = "neon")]
    Neon,
    /// x86-64 with AVX2.
    #[napi(value = "avx2")]
    Avx2,
    /// x86-64 with AVX-512F.
    #[napi(value = "avx512")]
    Avx512,
}

impl From<Simd> for blockcopy_engine::Simd {
    fn from(simd: Simd) -> Self {
        match simd {
            Simd::Portable => Self::Portable,
            Simd::Neon => Self::Neon,
            Simd::Avx2 => Self::Avx2,
            Simd::Avx512 => Self::Avx512,
        }
    }
}

/// Set-up of the engine. Anything undefined is chosen to suit this machine.
#[napi(object)]
pub struct EngineOptions {
    /// Instruction set for SHA3-512.
    #[napi(ts_type = "Simd | undefined")]
    pub simd: Option<Simd>,
    /// Threads that hash and compress, at least 1.
    #[napi(ts_type = "number | undefined")]
    pub threads: Option<u32>,
    /// Reads or writes in flight, at least 1.
    #[napi(ts_type = "number | undefined")]
    pub queue_depth: Option<u32>,
}

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
        let options = to_options(&options)?;
        let inner =
            blockcopy_engine::Engine::new(options).map_err(|error| js_error(env, &error))?;
        Ok(Self { inner })
    }

    /// Description of the set-up, for the log.
    #[napi(getter)]
    pub fn description(&self) -> String {
        self.inner.description()
    }

    /// Bytes that must be in flight to give work to every thread.
    #[napi(getter)]
    pub fn appetite(&self) -> f64 {
        number(self.inner.appetite() as u64)
    }

    /// Describes how blocks are digested, for the log.
    #[napi]
    pub fn hashing(&self, algorithm: DigestAlgorithm) -> String {
        self.inner.hashing(algorithm.into())
    }

    /// Returns the digest of a block of `length` zeros.
    #[napi]
    pub fn zero_digest(&self, algorithm: DigestAlgorithm, length: u32) -> Uint8Array {
        self.inner
            .zero_digest(algorithm.into(), length as usize)
            .into()
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

fn to_options(options: &EngineOptions) -> Result<blockcopy_engine::EngineOptions> {
    let count = |count: Option<u32>| {
        count
            .map(|count| {
                NonZero::new(count as usize).ok_or_else(|| invalid("a count must not be zero"))
            })
            .transpose()
    };
    Ok(blockcopy_engine::EngineOptions {
        simd: options.simd.map(Into::into),
        threads: count(options.threads)?,
        queue_depth: count(options.queue_depth)?,
    })
}
