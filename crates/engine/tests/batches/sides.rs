//! Random pairs of files or devices, and a simple model of an update.

use std::fmt;
use std::ops::Range;

use blockcopy_blockio::{Memory, Operation};
use blockcopy_engine::{Pair, Slab, Slot, Updated};
use proptest::prelude::*;

use crate::support::{PAGE, content, memory_sink, memory_source, overwrite};

/// Content of both sides before the update.
#[derive(Clone)]
pub(crate) struct Sides {
    pub(crate) source: Vec<u8>,
    pub(crate) target: Vec<u8>,
}

/// Stretch of both sides.
#[derive(Clone, Copy, Debug)]
enum Stretch {
    Same,
    SameZeros,
    Other,
    /// Zeros in the source only.
    Zeros,
    /// Zeros in the target only.
    ZerosInTarget,
    /// One byte in the middle differs.
    OneByte,
}

/// Generates two sides that are partly equal; the target is shorter or longer by some bytes.
pub(crate) fn sides() -> impl Strategy<Value = Sides> {
    let stretch = prop_oneof![
        Just(Stretch::Same),
        Just(Stretch::SameZeros),
        Just(Stretch::Other),
        Just(Stretch::Zeros),
        Just(Stretch::ZerosInTarget),
        Just(Stretch::OneByte),
    ];
    let length = prop_oneof![
        1..30_000_usize,
        (1..70_usize).prop_map(|pages| pages * PAGE),
        100_000..700_000_usize,
    ];
    let stretches = prop::collection::vec((stretch, length), 0..9);
    let shift = prop_oneof![Just(0), -500_000..500_000_isize];
    (stretches, shift).prop_map(|(stretches, shift)| {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        for (&(stretch, length), seed) in stretches.iter().zip(0..) {
            let zeros = vec![0; length];
            let here = content(length, seed);
            let (one, other) = match stretch {
                Stretch::Same => (here.clone(), here),
                Stretch::SameZeros => (zeros.clone(), zeros),
                Stretch::Other => (here, content(length, seed + 100)),
                Stretch::Zeros => (zeros, here),
                Stretch::ZerosInTarget => (here, zeros),
                Stretch::OneByte => {
                    let mut other = here.clone();
                    other[length / 2] ^= 0x10;
                    (here, other)
                }
            };
            source.extend(one);
            target.extend(other);
        }
        target.resize(target.len().saturating_add_signed(shift), 0x77);
        Sides { source, target }
    })
}

impl fmt::Debug for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} bytes", self.source.len(), self.target.len())
    }
}

pub(crate) fn block_len() -> impl Strategy<Value = u32> {
    prop_oneof![
        (1..8_u32).prop_map(|pages| pages * 4096),
        (1..=256_u32).prop_map(|pages| pages * 4096),
        Just(131_072),
        Just(1 << 20),
    ]
}

/// Generates a range of the source that begins at a page.
pub(crate) fn range(size: usize, start: f64, end: f64, whole: bool) -> (usize, usize) {
    if whole {
        return (0, size);
    }
    let start = (start * (size + 1) as f64) as usize / PAGE * PAGE;
    (start, start + (end * (size - start + 1) as f64) as usize)
}

/// Returns the expected content of the target, and the blocks that an update writes.
pub(crate) fn oracle(
    sides: &Sides,
    (start, end): (usize, usize),
    block_len: u32,
) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut target = sides.target.clone();
    let mut changed = Vec::new();
    for at in (start..end).step_by(block_len as usize) {
        let block = at..end.min(at + block_len as usize);
        if sides.target.get(block.clone()) != Some(&sides.source[block.clone()]) {
            overwrite(&mut target, &sides.source[block.clone()], at);
            changed.push(block);
        }
    }
    (target, changed)
}

pub(crate) fn updated(changed: &[Range<usize>]) -> Updated {
    Updated {
        changed: changed.iter().map(|block| block.len() as u64).sum(),
        blocks: changed.len() as u64,
    }
}

/// Returns a slot with room for both sides that is not zeroed.
pub(crate) fn room(length: usize, fill: u8) -> Slot {
    let length = (2 * length.next_multiple_of(PAGE)).max(1);
    let mut slot = Slab::new(1, length).unwrap().take(0).unwrap();
    slot.fill(fill);
    slot
}

pub(crate) fn pair(source: &Memory, target: &Memory) -> Pair {
    Pair {
        source: memory_source(source),
        destination: memory_source(target),
        sink: memory_sink(target),
    }
}

/// Returns the ranges of `memory` that were changed.
pub(crate) fn changes(memory: &Memory) -> Vec<Range<usize>> {
    let changes = [
        Operation::Write,
        Operation::DirectWrite,
        Operation::PunchHole,
        Operation::ZeroRange,
        Operation::ZeroOut,
        Operation::SetLen,
    ];
    let calls = memory.operations().into_iter();
    let changing = calls.filter(|(operation, _)| changes.contains(operation));
    changing
        .map(|(_, range)| range.start as usize..range.end as usize)
        .collect()
}
