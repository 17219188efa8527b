//! Sources and sinks on real files, devices and file systems, and on content of memory that has faults.
#![allow(clippy::unwrap_used, clippy::panic)]

mod busy;
#[cfg(target_os = "linux")]
mod clone;
mod create;
mod holes;
mod identity;
mod lock;
#[cfg(feature = "memory")]
mod memory;
mod read;
mod read_cache;
mod read_faults;
mod restore;
mod source_in_use;
mod stdio;
mod support;
mod write;
mod write_cache;
mod write_oracle;
mod zero;
