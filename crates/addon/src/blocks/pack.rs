//! Compressing blocks that are in memory already.

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::blocks::codec::{Codec, Compression, to_compression};
use crate::blocks::diff::{Range, to_extents};
use crate::engine::Engine;
use crate::memory::Slab;
use crate::promise::promise;

/// Payload that a block was compressed to, in its place.
#[napi(object)]
pub struct Packed {
    /// Encoding of the payload: `raw` if compressing would not have made the block smaller.
    pub codec: Codec,
    /// Length of the payload in bytes.
    pub length: u32,
}

#[napi]
impl Engine {
    /// Compresses blocks that lie in a slot one after the other, each in place if that makes it smaller.
    #[napi(ts_return_type = "Promise<Packed[]>")]
    pub fn pack<'env>(
        &self,
        env: &'env Env,
        slab: &Slab,
        slot: u32,
        blocks: Vec<Range>,
        compression: Compression,
    ) -> Result<Object<'env>> {
        let extents = to_extents(&blocks)?;
        let compression = to_compression(&compression)?;
        let slot = slab.take(slot)?;
        promise(env, to_packed, |done| {
            self.inner.pack(slot, &extents, compression, done);
        })
    }
}

fn to_packed(packed: Vec<blockcopy_engine::Packed>) -> Vec<Packed> {
    packed
        .into_iter()
        .map(|blockcopy_engine::Packed { codec, length }| Packed {
            codec: codec.into(),
            // At most the length of the block, which is a u32.
            length: u32::try_from(length).unwrap_or(u32::MAX),
        })
        .collect()
}
