//! Sources and sinks on a simulated file or device that is short, slow or broken, compared with a plain vector.

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

/// Length of a page, in bytes.
const PAGE: usize = 4096;
const MIB: usize = 1 << 20;

const EPERM: i32 = 1;
const EIO: i32 = 5;
const EINVAL: i32 = 22;
const ENOSPC: i32 = 28;
const ENOSYS: i32 = 38;
const EOPNOTSUPP: i32 = 95;

/// Number of random cases; failures are not saved to files.
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

/// Returns memory with this content; a device needs a whole number of sectors.
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

/// Returns `data` in memory that is `shift` bytes after an aligned address.
fn placed(data: &[u8], shift: usize) -> Slot {
    let len = (data.len() + shift).max(1).next_multiple_of(ALIGNMENT);
    let slot = Slab::new(1, len).unwrap().take(0).unwrap();
    let (_, rest) = slot.split_at(shift);
    let (mut exact, _) = rest.split_at(data.len());
    exact.copy_from_slice(data);
    exact
}

/// Applies a write to a vector.
fn overwrite(content: &mut Vec<u8>, data: &[u8], offset: usize) {
    if !data.is_empty() {
        content.resize(content.len().max(offset + data.len()), 0);
        content[offset..offset + data.len()].copy_from_slice(data);
    }
}

/// Asserts equality without printing all bytes.
fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    if found != expected {
        let differ = found.iter().zip(expected).position(|(a, b)| a != b);
        let (found, expected) = (found.len(), expected.len());
        panic!("{what}: {found} bytes, expected {expected}; the first that differs is {differ:?}");
    }
}
