//! Checks of what the crates do with any bytes from outside: the bodies of the fuzz targets.
//!
//! Each check takes the bytes that a fuzzer has made up, and panics if a promise is broken. The targets in `fuzz` call them, and
//! `tests/corpus.rs` repeats them for the kept inputs.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken promise is a panic: that is how a fuzzer sees it"
)]

mod codecs;
mod frames;
mod nbd;
mod slab;
mod storage;

/// Check of the bytes that a fuzzer has made up.
pub type Check = fn(&[u8]);

/// Name of each target, and its check.
pub const TARGETS: [(&str, Check); 8] = [
    ("decode_lz4", codecs::decode_lz4),
    ("decode_xz", codecs::decode_xz),
    ("decode_zstd", codecs::decode_zstd),
    ("encode", codecs::encode),
    ("frames", frames::apply),
    ("nbd", nbd::talk),
    ("slab", slab::take_and_split),
    ("storage", storage::parse),
];

/// Returns the check of a target.
///
/// # Panics
/// Panics if there is no target of that name.
#[must_use]
pub fn named(target: &str) -> Check {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    found.expect("the name of a target").1
}
