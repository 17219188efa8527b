//! Files and block devices as sources and sinks of aligned blocks.
//!
//! - [`Source`] reads at any aligned offset, with direct I/O where that is faster;
//! - [`Sink`] writes to an existing file or device and reports who else is using it;
//! - [`Slab`] is the memory for blocks, allocated once;
//! - [`Identity`] identifies a file or device, and a state of a file;
//! - [`Storage`] describes the devices below a file or device, and finds bytes that two of them share;
//! - [`stdio`] handles descriptors 0, 1 and 2 as ends of pipes.
//!
//! Nothing here knows about hashes, frames or Node. Every failure is an [`Error`] that names the path and, if there is one, the byte
//! offset.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod aligned;
mod confine;
mod direct;
mod error;
mod export_map;
mod holders;
mod identity;
mod image;
#[cfg(target_os = "linux")]
mod linux;
mod medium;
mod metadata;
mod node;
mod sink;
mod source;
pub mod stdio;
mod storage;
mod sys;
mod text;
mod time;

pub use aligned::{ALIGNMENT, Slab, Slot};
pub use confine::{Confined, confine};
pub use direct::Direct;
pub use error::{Errno, Error, Shown, Unseen};
pub use export_map::ExportMap;
pub use identity::Identity;
pub use image::{Image, PrivateSocket};
pub use medium::export_ranges;
#[cfg(any(test, feature = "memory"))]
pub use medium::{Fault, Memory, Operation, Trouble};
pub use medium::{Wait, longest_wait};
pub use metadata::{Metadata, Owner, Restore};
pub use node::Kind;
pub use sink::{Sink, SinkOptions};
pub use source::Source;
pub use storage::{Shared, Storage};
pub use sys::exit_now;
#[cfg(target_os = "linux")]
pub use sys::limit_unsent;
pub use time::Time;
