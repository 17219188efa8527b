//! Ownership of the memory for blocks.

use std::ops::Range;

use arbitrary::{Arbitrary, Unstructured};
use blockcopy_engine::{ALIGNMENT, Slab, Slot};

/// Most slots that are held at the same time.
const MOST_HELD: usize = 64;

/// Set-up of a slab, and what is done with it.
#[derive(Arbitrary, Debug)]
struct Use {
    slots: u8,
    slot_len: u16,
    steps: Vec<Step>,
}

/// Step, on the slot held whose index is the first number, modulo their count.
#[derive(Arbitrary, Debug)]
enum Step {
    Take(u8),
    Split(u8, u16),
    Drop(u8),
}

/// Slot that is held, and the byte that all of it was filled with.
struct Held {
    slot: Slot,
    fill: u8,
}

impl Held {
    fn new(mut slot: Slot, fill: u8) -> Self {
        slot.fill(fill);
        Self { slot, fill }
    }

    fn addresses(&self) -> Range<usize> {
        let start = self.slot.as_ptr().addr();
        start..start + self.slot.len()
    }
}

/// Takes, splits and drops slots: no two of them may share a byte.
pub(crate) fn take_and_split(bytes: &[u8]) {
    let Ok(call) = Use::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    let (slots, slot_len) = (usize::from(call.slots), usize::from(call.slot_len));
    let Ok(slab) = Slab::new(slots, slot_len) else {
        assert!(
            slots == 0 || slot_len == 0,
            "{slots} slots of {slot_len} bytes"
        );
        return;
    };
    assert!(slab.slot_len() >= slot_len && slab.slot_len().is_multiple_of(ALIGNMENT));
    let mut held: Vec<Held> = Vec::new();
    for (number, step) in call.steps.iter().enumerate() {
        // Consecutive numbers differ, so that a shared byte shows.
        let fill = u8::try_from(number % 251).expect("below 251");
        match *step {
            Step::Take(index) => {
                let index = usize::from(index);
                let is_free = index < slots && held.iter().all(|held| held.slot.index() != index);
                let slot = slab.take(index);
                assert_eq!(slot.is_some(), is_free, "slot {index} of {slots}");
                held.extend(slot.map(|slot| Held::new(slot, fill)));
            }
            Step::Split(which, at) if !held.is_empty() && held.len() < MOST_HELD => {
                let Held { slot, fill: before } = held.swap_remove(usize::from(which) % held.len());
                let (first, rest) = {
                    let at = usize::from(at) % (slot.len() + 1);
                    slot.split_at(at)
                };
                held.push(Held {
                    slot: first,
                    fill: before,
                });
                held.push(Held::new(rest, fill));
            }
            Step::Drop(which) if !held.is_empty() => {
                held.swap_remove(usize::from(which) % held.len());
            }
            Step::Split(..) | Step::Drop(_) => {}
        }
        for held in &held {
            assert!(
                held.slot.iter().all(|byte| *byte == held.fill),
                "a byte was shared"
            );
        }
    }
    let mut ranges: Vec<_> = held.iter().map(Held::addresses).collect();
    ranges.sort_by_key(|range| (range.start, range.end));
    assert!(
        ranges.windows(2).all(|pair| pair[0].end <= pair[1].start),
        "{ranges:?}"
    );
}
