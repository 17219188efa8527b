//! Files, memory and digests for the tests, and the engine that they share.

use std::fs;
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};

use blockcopy_engine::{Algorithm, Engine, Error, Slab, Source};
use proptest::prelude::*;
use sha3::{Digest as _, Sha3_512};
use tempfile::NamedTempFile;

pub(crate) static ENGINE: LazyLock<Arc<Engine>> =
    LazyLock::new(|| Engine::new(None).expect("threads"));

/// Starts an operation and waits for its result.
pub(crate) fn wait<T: Send + 'static>(
    start: impl FnOnce(Box<dyn FnOnce(Result<T, Error>) + Send>),
) -> Result<T, Error> {
    let (sender, receiver) = channel();
    start(Box::new(move |result| {
        sender.send(result).expect("nobody waits");
    }));
    receiver.recv().expect("the engine never called back")
}

pub(crate) fn file(content: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary file");
    fs::write(&file, content).expect("content");
    file
}

pub(crate) fn open(content: &[u8]) -> (NamedTempFile, Arc<Source>) {
    let file = file(content);
    let source = Arc::new(Source::open(file.path()).expect("source"));
    (file, source)
}

pub(crate) fn slab() -> Arc<Slab> {
    Slab::new(1, 4 * 1024 * 1024).expect("memory")
}

/// Bytes that no two blocks have in common, without the cost of drawing each at random.
pub(crate) fn content(length: usize, seed: u64) -> Vec<u8> {
    (0..length as u64)
        .map(|i| ((i ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8)
        .collect()
}

/// Either algorithm.
pub(crate) fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![Just(Algorithm::Sha3_512), Just(Algorithm::Blake3)]
}

/// The digest of each block, one after the other, each hashed on its own.
pub(crate) fn digests<'a>(
    algorithm: Algorithm,
    blocks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let digest = |block: &'a [u8]| match algorithm {
        Algorithm::Sha3_512 => Sha3_512::digest(block).to_vec(),
        Algorithm::Blake3 => blake3::hash(block).as_bytes().to_vec(),
    };
    blocks.into_iter().flat_map(digest).collect()
}
