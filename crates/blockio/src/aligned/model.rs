//! A model of how slots change hands: loom tries all orders of the threads, and every value that a load may see.
#![allow(clippy::unwrap_used)]

use loom::thread;

use super::*;

/// Stands for the bytes of each half of a slot. Without an order between two owners, the second may see an old number.
type Halves = Arc<[AtomicUsize; 2]>;

/// Adds 1 as an owner does to bytes: not atomically.
fn add(halves: &Halves, half: usize) {
    let number = halves[half].load(Ordering::Relaxed);
    halves[half].store(number + 1, Ordering::Relaxed);
}

/// Takes the slot, if it is free, and lets go of its halves on two threads; returns how often it was taken.
fn take_and_split(slab: &Arc<Slab>, halves: &Halves) -> usize {
    let Some(slot) = slab.take(0) else { return 0 };
    let (low, high) = slot.split_at(2048);
    let other = {
        let halves = Arc::clone(halves);
        thread::spawn(move || {
            add(&halves, 1);
            drop(high);
        })
    };
    add(halves, 0);
    drop(low);
    other.join().unwrap();
    1
}

#[test]
fn the_next_owner_sees_what_all_owners_before_have_written() {
    loom::model(|| {
        let slab = Slab::new(1, 4096).unwrap();
        let halves = Halves::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let first = {
            let (slab, halves) = (Arc::clone(&slab), Arc::clone(&halves));
            thread::spawn(move || take_and_split(&slab, &halves))
        };
        let mine = usize::from(slab.take(0).is_some_and(|slot| {
            add(&halves, 0);
            add(&halves, 1);
            drop(slot);
            true
        }));
        let taken = mine + first.join().unwrap();
        assert!(taken > 0, "a free slot was refused to both");
        for half in halves.iter() {
            assert_eq!(half.load(Ordering::Relaxed), taken);
        }
        assert!(slab.take(0).is_some(), "the slot has come back");
    });
}

#[test]
fn two_owners_never_have_one_slot() {
    loom::model(|| {
        let slab = Slab::new(1, 4096).unwrap();
        let owners = Arc::new(AtomicUsize::new(0));
        let own = |slab: &Arc<Slab>, owners: &AtomicUsize| {
            if let Some(slot) = slab.take(0) {
                assert_eq!(owners.fetch_add(1, Ordering::SeqCst), 0);
                owners.fetch_sub(1, Ordering::SeqCst);
                drop(slot);
            }
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (slab, owners) = (Arc::clone(&slab), Arc::clone(&owners));
                thread::spawn(move || own(&slab, &owners))
            })
            .collect();
        own(&slab, &owners);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
