//! What a source and a sink make of a file or device that is short, slow or broken: content of memory that fails where
//! the test says so, next to a plain vector that says what is right.

mod coalescing;
mod faults;
mod holes;
mod identity;
mod pace;
mod read;
mod refusals;
mod sync;
mod write;

use blockcopy_blockio::{ALIGNMENT, Direct, Kind, Memory, Sink, Slab, Slot};
use proptest::prelude::*;

/// What the kernel caches and a file is made of, in bytes.
const PAGE: usize = 4096;
const MIB: usize = 1 << 20;

const EIO: i32 = 5;
const EINVAL: i32 = 22;
const ENOSPC: i32 = 28;
const ENOSYS: i32 = 38;
const EOPNOTSUPP: i32 = 95;

/// So many random cases, which leave nothing behind.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::File), Just(Kind::Device)]
}

fn granularity() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(None), Just(Some(512)), Just(Some(4096))]
}

/// A device is as long as a whole number of sectors.
fn memory(kind: Kind, content: &[u8], granularity: Option<usize>) -> Memory {
    let memory = match kind {
        Kind::File => Memory::file(content),
        Kind::Device => Memory::device(content),
    };
    memory.with_granularity(granularity)
}

fn sink(memory: &Memory) -> Sink {
    Sink::in_memory(memory, Direct::Auto).unwrap()
}

/// `data` in memory that is aligned and then `shift` bytes off.
fn placed(data: &[u8], shift: usize) -> Slot {
    let len = (data.len() + shift).max(1).next_multiple_of(ALIGNMENT);
    let slot = Slab::new(1, len).unwrap().take(0).unwrap();
    let (_, rest) = slot.split_at(shift);
    let (mut exact, _) = rest.split_at(data.len());
    exact.copy_from_slice(data);
    exact
}

/// What a write makes of the content, as nobody could get wrong.
fn overwrite(content: &mut Vec<u8>, data: &[u8], offset: usize) {
    if !data.is_empty() {
        content.resize(content.len().max(offset + data.len()), 0);
        content[offset..offset + data.len()].copy_from_slice(data);
    }
}

/// As `assert_eq!`, without printing all of it.
fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    if found != expected {
        let differ = found.iter().zip(expected).position(|(a, b)| a != b);
        let (found, expected) = (found.len(), expected.len());
        panic!("{what}: {found} bytes, expected {expected}; the first that differs is {differ:?}");
    }
}
