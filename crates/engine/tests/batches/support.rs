//! Files, memory and digests for the tests, and the engine that they share.

use std::fs;
use std::io::Write;
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use blockcopy_blockio::Memory;
use blockcopy_engine::{
    Algorithm, ApplyOptions, Compression, DiffOptions, Direct, Engine, EngineOptions, Error, Kind,
    Sink, SinkOptions, Slab, Source, UpdateOptions, ZeroBlocks,
};
use proptest::prelude::*;
use sha3::{Digest as _, Sha3_512};
use tempfile::NamedTempFile;

/// Length of a page, in bytes.
pub(crate) const PAGE: usize = 4096;
pub(crate) const MIB: usize = 1 << 20;
pub(crate) const EIO: i32 = 5;

pub(crate) static ENGINE: LazyLock<Arc<Engine>> =
    LazyLock::new(|| Engine::new(EngineOptions::default()).expect("threads"));

/// Number of random cases; failures are not saved to files.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Starts an operation and waits for its result, with a time limit.
pub(crate) fn wait<T: Send + 'static>(
    start: impl FnOnce(Box<dyn FnOnce(Result<T, Error>) + Send>),
) -> Result<T, Error> {
    let (sender, receiver) = channel();
    start(Box::new(move |result| {
        // The receiver is gone after a timeout, and a panic here would hide that.
        let _ = sender.send(result);
    }));
    receiver
        .recv_timeout(Duration::from_secs(120))
        .expect("the engine never called back")
}

/// Prints the reason for skipping a test.
#[expect(
    clippy::explicit_write,
    reason = "the test harness would swallow what eprintln! says"
)]
pub(crate) fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    writeln!(std::io::stderr(), "SKIPPED {test}: {reason}").unwrap();
}

pub(crate) fn empty_file() -> NamedTempFile {
    NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary file")
}

pub(crate) fn file(content: &[u8]) -> NamedTempFile {
    let file = empty_file();
    fs::write(&file, content).expect("content");
    file
}

pub(crate) fn open(content: &[u8]) -> (NamedTempFile, Arc<Source>) {
    let file = file(content);
    let source = source(&file, Direct::Auto);
    (file, source)
}

pub(crate) fn source(file: &NamedTempFile, direct: Direct) -> Arc<Source> {
    Arc::new(Source::open(file.path(), direct).expect("source"))
}

pub(crate) fn sink(file: &NamedTempFile, direct: Direct) -> Arc<Sink> {
    let options = SinkOptions {
        direct,
        ..SinkOptions::default()
    };
    Arc::new(Sink::open(file.path(), options).expect("sink"))
}

/// Returns memory with this content; a device needs a whole number of sectors.
pub(crate) fn memory(kind: Kind, content: &[u8], granularity: Option<usize>) -> Memory {
    let memory = match kind {
        Kind::File => Memory::file(content),
        Kind::Device => Memory::device(content),
    };
    memory.with_granularity(granularity)
}

pub(crate) fn memory_sink(memory: &Memory) -> Arc<Sink> {
    Arc::new(Sink::in_memory(memory, Direct::Auto).expect("sink"))
}

pub(crate) fn memory_source(memory: &Memory) -> Arc<Source> {
    Arc::new(Source::in_memory(memory, Direct::Auto).expect("source"))
}

/// Returns a slot of 4 MiB.
pub(crate) fn slab() -> Arc<Slab> {
    Slab::new(1, 4 * MIB).expect("memory")
}

/// Returns bytes that differ between any two blocks, at less cost than random ones.
pub(crate) fn content(length: usize, seed: u64) -> Vec<u8> {
    (0..length as u64)
        .map(|i| ((i ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8)
        .collect()
}

/// Applies a write to a vector.
pub(crate) fn overwrite(content: &mut Vec<u8>, data: &[u8], offset: usize) {
    content.resize(content.len().max(offset + data.len()), 0);
    content[offset..offset + data.len()].copy_from_slice(data);
}

/// Asserts equality without printing all bytes.
pub(crate) fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    if found != expected {
        let differ = found.iter().zip(expected).position(|(a, b)| a != b);
        let (found, expected) = (found.len(), expected.len());
        panic!("{what}: {found} bytes, expected {expected}; the first that differs is {differ:?}");
    }
}

/// Generates either algorithm.
pub(crate) fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![Just(Algorithm::Sha3_512), Just(Algorithm::Blake3)]
}

/// Generates direct I/O where possible, or never.
pub(crate) fn direct() -> impl Strategy<Value = Direct> {
    prop_oneof![Just(Direct::Auto), Just(Direct::Off)]
}

pub(crate) fn update_options(
    position: u64,
    length: u64,
    block_len: u32,
    zero_blocks: ZeroBlocks,
) -> UpdateOptions {
    UpdateOptions {
        position,
        length,
        block_len,
        zero_blocks,
        presume: false,
    }
}

/// Generates either treatment of blocks of zeros.
pub(crate) fn zeros() -> impl Strategy<Value = ZeroBlocks> {
    prop_oneof![Just(ZeroBlocks::Write), Just(ZeroBlocks::MakeHoles)]
}

pub(crate) fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::File), Just(Kind::Device)]
}

/// Generates a granularity of direct access in bytes, or none.
pub(crate) fn granularity() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(None), Just(Some(512)), Just(Some(PAGE))]
}

/// Returns the digest of each block, one after the other, computed by another implementation.
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

/// Returns options for writing without digests.
pub(crate) fn apply_options(zeros: ZeroBlocks) -> ApplyOptions {
    ApplyOptions {
        zero_blocks: zeros,
        ..ApplyOptions::default()
    }
}

/// Blocks without compression, including those of zeros.
pub(crate) const AS_IS: DiffOptions = coded(Compression::None);

/// Returns options for compressed blocks, including those of zeros.
pub(crate) const fn coded(compression: Compression) -> DiffOptions {
    DiffOptions {
        compression,
        omit_zeros: false,
    }
}
