//! Digests of consecutive blocks, and where there is data.

use std::ops::Range;
use std::sync::Arc;

use blockcopy_engine::{Blocks, ExportMap};
use napi::bindgen_prelude::{Float64Array, Object, Uint8Array};
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::arguments::{number, whole};
use crate::digests::DigestAlgorithm;
use crate::disks::Source;
use crate::engine::Engine;
use crate::memory::Slab;
use crate::names::to_path;
use crate::promise::promise;

/// Range of a source to digest.
#[napi(object)]
pub struct ScanOptions {
    /// Offset of its first byte.
    pub position: f64,
    /// Length in bytes.
    pub length: f64,
    /// Bytes per block; the last block may be shorter.
    pub block_length: u32,
    /// Digest algorithm.
    pub algorithm: DigestAlgorithm,
}

/// Blocks in a slot to digest.
#[napi(object)]
pub struct DigestOptions {
    /// Bytes from the beginning of the slot.
    pub length: f64,
    /// Bytes per block; the last block may be shorter.
    pub block_length: u32,
    /// Digest algorithm.
    pub algorithm: DigestAlgorithm,
}

/// Range of a source that has data.
#[napi(object)]
pub struct DataRange {
    /// Offset of its first byte.
    pub start: f64,
    /// Offset of the byte after its last one.
    pub end: f64,
}

#[napi]
impl Engine {
    /// Returns the first range with data at or after an offset; what lies before it is a hole. If there is no more data, the range is
    /// empty and at the end of the source.
    #[napi(ts_return_type = "Promise<DataRange>")]
    pub fn data_from<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        offset: f64,
    ) -> Result<Object<'env>> {
        let offset = whole(offset)?;
        let source = Arc::clone(source.open()?);
        let find = move || Ok(source.data_from(offset));
        promise(env, to_data_range, |done| self.inner.run(find, done))
    }

    /// Reads a map of an export: the ranges that this dirty bitmap names, or without one, those that are allocated; in ascending order, at
    /// most `most`. Returns start and end of each in turn. Rejects with the kind `no-bitmap` or `no-allocation` if any of it is unknown.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn export_ranges<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] uri: JsString<'_>,
        #[napi(ts_arg_type = "string | null")] bitmap: Option<String>,
        most: u32,
    ) -> Result<Object<'env>> {
        let uri = to_path(uri)?;
        let map = bitmap.map_or(ExportMap::Allocation, ExportMap::DirtyBitmap);
        let read = move || {
            let ranges = blockcopy_engine::export_ranges(uri.as_ref(), &map, most as usize)?;
            // There may be millions: an object for each would take ten times as much memory.
            let numbers: Vec<[f64; 2]> = ranges
                .into_iter()
                .map(|range| [number(range.start), number(range.end)])
                .collect();
            Ok(numbers.into_flattened())
        };
        promise(env, Float64Array::new, |done| self.inner.run(read, done))
    }

    /// Reads a range into a slot and returns the digests of its blocks, one after the other.
    #[napi(ts_return_type = "Promise<Uint8Array>")]
    pub fn scan<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        slab: &Slab,
        slot: u32,
        options: ScanOptions,
    ) -> Result<Object<'env>> {
        let position = whole(options.position)?;
        let blocks = Blocks {
            length: whole(options.length)?,
            block_len: options.block_length,
            algorithm: options.algorithm.into(),
        };
        let source = source.open()?;
        let slot = slab.take(slot)?;
        promise(env, Uint8Array::new, |done| {
            self.inner.scan(source, slot, position, blocks, done);
        })
    }

    /// Returns the digests of blocks in a slot, one after the other.
    #[napi(ts_return_type = "Promise<Uint8Array>")]
    pub fn digest<'env>(
        &self,
        env: &'env Env,
        slab: &Slab,
        slot: u32,
        options: DigestOptions,
    ) -> Result<Object<'env>> {
        let blocks = Blocks {
            length: whole(options.length)?,
            block_len: options.block_length,
            algorithm: options.algorithm.into(),
        };
        let slot = slab.take(slot)?;
        promise(env, Uint8Array::new, |done| {
            self.inner.digest(slot, blocks, done);
        })
    }
}

fn to_data_range(range: Range<u64>) -> DataRange {
    DataRange {
        start: number(range.start),
        end: number(range.end),
    }
}
