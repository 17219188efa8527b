//! The engine of blockcopy: reads, hashes, compares, compresses and writes blocks on its own threads.
//!
//! It works in batches. The caller lends a [`Slot`] of a [`Slab`] with a list of blocks, and gets the slot back, filled, when
//! the whole batch is done. The caller decides how many batches are in flight and in which order it uses their results. So
//! memory use is the size of the slab, whatever the size of the device.
//!
//! Reading and hashing run on different threads, so a scan takes as long as the slower of the two, not as long as both. Nothing
//! here knows of Node or of the wire.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]
#![forbid(unsafe_code)]

mod apply;
pub mod codec;
mod content;
mod decode;
mod diff;
mod digest;
mod engine;
mod error;
mod extent;
mod frame;
mod gather;
mod hasher;
mod pack;
mod read;
mod reads;
mod scan;
mod threads;
mod update;
mod writes;

pub use apply::{Applied, ApplyOptions};
pub use blockcopy_blockio::{
    ALIGNMENT, Confined, Direct, ExportMap, Identity, Image, Kind, Metadata, Owner, PrivateSocket,
    Restore, Shared, Shown, Sink, SinkOptions, Slab, Slot, Source, Storage, Time, Wait, confine,
    exit_now, export_ranges, longest_wait, stdio,
};
pub use blockcopy_keccak::{Incremental, Simd};
pub use codec::{Codec, Compression, Level, Preset, XzLevel};
pub use diff::{ChangedBlock, Comparison, Diff, DiffOptions};
pub use digest::{Algorithm, Digests};
pub use engine::{Engine, EngineOptions};
pub use error::Error;
pub use extent::{Extent, PIECE_LEN};
pub use frame::Frame;
pub use pack::Packed;
pub use scan::Blocks;
pub use threads::in_background;
pub use update::{Pair, UpdateOptions, Updated};
pub use writes::ZeroBlocks;

/// Callback that an operation of the engine calls from one of its threads when it has ended.
///
/// It is called exactly once, also if a thread panicked, and after the engine has released the slot.
pub trait Done<T>: FnOnce(Result<T, Error>) + Send + 'static {}

impl<T, F: FnOnce(Result<T, Error>) + Send + 'static> Done<T> for F {}
