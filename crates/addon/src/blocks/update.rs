//! Making a destination on this machine equal to its source.

use std::sync::Arc;

use blockcopy_engine::Pair;
use napi::bindgen_prelude::{ClassInstance, Object};
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::{number, whole};
use crate::blocks::apply::zero_blocks;
use crate::disks::{Sink, Source};
use crate::engine::Engine;
use crate::memory::Slab;
use crate::promise::promise;

/// Source and destination of an update.
#[napi(object, object_to_js = false)]
pub struct Sides<'env> {
    /// File or device to copy.
    #[napi(ts_type = "Source")]
    pub source: ClassInstance<'env, Source>,
    /// Destination, open for reading.
    #[napi(ts_type = "Source")]
    pub destination: ClassInstance<'env, Source>,
    /// Destination, open for writing.
    #[napi(ts_type = "Sink")]
    pub sink: ClassInstance<'env, Sink>,
}

/// Range to update, and how.
#[napi(object)]
pub struct UpdateOptions {
    /// Offset of its first byte.
    pub position: f64,
    /// Length in bytes.
    pub length: f64,
    /// Bytes per block; the last block may be shorter.
    pub block_length: u32,
    /// Make holes of changed blocks of zeros where the destination can have holes.
    pub sparse: bool,
    /// Take the data of the destination for different without reading it. Its holes are still compared.
    pub presume: bool,
}

/// Blocks that an update has written.
#[napi(object)]
pub struct Update {
    /// Bytes in the blocks that differed.
    pub changed: f64,
    /// Number of blocks that differed.
    pub blocks: f64,
}

#[napi]
impl Engine {
    /// Compares a range of source and destination, block by block, and writes the blocks that differ. The slot must have room for both
    /// sides: twice the length of the range.
    #[napi(ts_return_type = "Promise<Update>")]
    pub fn update<'env>(
        &self,
        env: &'env Env,
        sides: Sides<'_>,
        slab: &Slab,
        slot: u32,
        options: UpdateOptions,
    ) -> Result<Object<'env>> {
        let pair = Pair {
            source: Arc::clone(sides.source.open()?),
            destination: Arc::clone(sides.destination.open()?),
            sink: Arc::clone(sides.sink.open()?),
        };
        let options = blockcopy_engine::UpdateOptions {
            position: whole(options.position)?,
            length: whole(options.length)?,
            block_len: options.block_length,
            zero_blocks: zero_blocks(options.sparse),
            presume: options.presume,
        };
        let slot = slab.take(slot)?;
        promise(env, to_update, |done| {
            self.inner.update(&pair, slot, options, done);
        })
    }
}

fn to_update(updated: blockcopy_engine::Updated) -> Update {
    Update {
        changed: number(updated.changed),
        blocks: number(updated.blocks),
    }
}
