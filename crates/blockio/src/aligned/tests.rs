#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicUsize;
use std::thread;

use proptest::prelude::*;

use super::*;

#[test]
fn slots_are_aligned_zeroed_and_side_by_side() {
    let slab = Slab::new(3, 5000).unwrap();
    assert_eq!(
        (slab.slots(), slab.slot_len(), slab.len()),
        (3, 8192, 24576)
    );
    let taken: Vec<Slot> = (0..3).map(|index| slab.take(index).unwrap()).collect();
    for (index, slot) in taken.iter().enumerate() {
        assert_eq!(slot.as_ptr().addr(), slab.as_ptr().addr() + index * 8192);
        assert_eq!(slot.as_ptr().addr() % ALIGNMENT, 0);
        assert_eq!(slot.len(), 8192);
        assert!(slot.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn impossible_sizes_are_refused() {
    for (slots, slot_len) in [
        (0, 4096),
        (4, 0),
        (usize::MAX, 4096),
        (2, usize::MAX),
        (1, usize::MAX - 4095),
        (1, isize::MAX as usize - 4095),
    ] {
        let error = Slab::new(slots, slot_len).unwrap_err();
        assert_eq!(error.code(), "no-memory", "{slots} x {slot_len}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "would really allocate it")]
fn untouched_memory_costs_nothing() {
    let resident = || -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    let before = resident();
    let slab = Slab::new(4096, 1 << 20).unwrap();
    let after = resident();
    assert_eq!(slab.len(), 4 << 30);
    assert!(after < before + (64 << 20), "{before} -> {after} bytes");
}

#[test]
fn a_slot_outlives_the_last_handle_of_its_slab() {
    let mut slot = Slab::new(1, 4096).unwrap().take(0).unwrap();
    slot.fill(7);
    assert!(
        thread::spawn(move || slot.iter().all(|&byte| byte == 7))
            .join()
            .unwrap()
    );
}

#[test]
#[should_panic(expected = "split at 4097 of 4096 bytes")]
fn splitting_beyond_the_end_panics() {
    let _ = Slab::new(1, 4096).unwrap().take(0).unwrap().split_at(4097);
}

/// Threads fight over one slot; the holder must see it as the previous holder left it.
#[test]
fn only_one_thread_holds_a_slot() {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 5000 };
    let slab = Slab::new(1, 4096).unwrap();
    let turns = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let slot = loop {
                        match slab.take(0) {
                            Some(slot) => break slot,
                            None => thread::yield_now(),
                        }
                    };
                    let (mut low, mut high) = slot.split_at(2048);
                    let turn = turns.fetch_add(1, Ordering::Relaxed).to_le_bytes();
                    let count = |part: &[u8]| usize::from_le_bytes(part[..8].try_into().unwrap());
                    assert_eq!(count(&low).to_le_bytes(), turn);
                    assert_eq!(count(&high).to_le_bytes(), turn);
                    let next = (count(&low) + 1).to_le_bytes();
                    // The two halves end on two threads, in any order.
                    low[..8].copy_from_slice(&next);
                    scope.spawn(move || high[..8].copy_from_slice(&next));
                }
            });
        }
    });
    assert_eq!(turns.into_inner(), 4 * ROUNDS);
}

#[derive(Debug, Clone)]
enum Step {
    Take(usize),
    Split(prop::sample::Index, prop::sample::Index),
    Drop(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5_usize).prop_map(Step::Take),
        any::<(prop::sample::Index, prop::sample::Index)>()
            .prop_map(|(which, mid)| Step::Split(which, mid)),
        any::<prop::sample::Index>().prop_map(Step::Drop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 5 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever is taken, split and dropped: parts never overlap, keep what was written to them, and
    /// a slot is free exactly when no part of it lives.
    #[test]
    fn parts_are_disjoint_and_slots_come_back(steps in prop::collection::vec(step(), 1..40)) {
        const SLOTS: usize = 4;
        let slab = Slab::new(SLOTS, 4096).unwrap();
        let mut parts: Vec<(u8, Slot)> = Vec::new();
        let mut mark = 0_u8;
        for step in steps {
            match step {
                Step::Take(index) => {
                    let free = index < SLOTS && parts.iter().all(|(_, part)| part.index() != index);
                    let slot = slab.take(index);
                    prop_assert_eq!(slot.is_some(), free);
                    parts.extend(slot.map(|slot| (0, slot)));
                }
                Step::Split(which, mid) if !parts.is_empty() => {
                    let (_, part) = parts.swap_remove(which.index(parts.len()));
                    let whole = part.as_ptr_range();
                    let mid = mid.index(part.len() + 1);
                    let (low, high) = part.split_at(mid);
                    prop_assert_eq!(low.as_ptr_range().start, whole.start);
                    prop_assert_eq!(low.len(), mid);
                    prop_assert_eq!(low.as_ptr_range().end, high.as_ptr_range().start);
                    prop_assert_eq!(high.as_ptr_range().end, whole.end);
                    parts.extend([(0, low), (0, high)]);
                }
                Step::Drop(which) if !parts.is_empty() => {
                    parts.swap_remove(which.index(parts.len()));
                }
                Step::Split(..) | Step::Drop(_) => {}
            }
            for (written, part) in &mut parts {
                mark = mark.wrapping_add(1);
                *written = mark;
                part.fill(mark);
            }
            for (written, part) in &parts {
                prop_assert!(part.iter().all(|byte| byte == written));
            }
        }
        parts.clear();
        prop_assert!((0..SLOTS).all(|index| slab.take(index).is_some()));
    }
}
