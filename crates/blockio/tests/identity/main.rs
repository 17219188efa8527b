//! Two identities are equal when it is the same file, unchanged, or the same device.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod checked;
mod devices;
mod files;
