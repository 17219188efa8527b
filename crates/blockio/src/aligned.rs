//! One aligned allocation, divided into slots.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(loom)]
use loom::sync::atomic::{AtomicUsize, Ordering};

use crate::{Error, sys};

/// Alignment of every slot in bytes: the largest that direct I/O requires.
pub const ALIGNMENT: usize = 4096;

/// Length of a huge page in bytes. A read of 1 MiB into scattered 4 KiB pages has 256 segments, more than most devices accept at once, so
/// the kernel splits it; a huge page is one segment.
const HUGE_PAGE: usize = 2 * 1024 * 1024;

/// Memory for blocks: `slots` slots of `slot_len` bytes, allocated once.
///
/// [`Slab::take`] is the only access to a slot, and gives it to one owner at a time.
#[derive(Debug)]
pub struct Slab {
    /// Allocation; it begins less than `HUGE_PAGE` bytes before `base`.
    allocation: NonNull<u8>,
    layout: Layout,
    base: NonNull<u8>,
    slots: usize,
    slot_len: usize,
    /// Number of [`Slot`]s that cover each slot or a part of it; 0 means free.
    owners: Box<[AtomicUsize]>,
}

// SAFETY: the memory belongs to the slab alone and is reached only through slots, and no two live
// slots cover the same byte (see `Slab::take` and `Slot::split_at`).
unsafe impl Send for Slab {}
// SAFETY: as above; `&Slab` gives no access to the bytes, and the owner counts are atomic.
unsafe impl Sync for Slab {}

impl Slab {
    /// Allocates `slots` slots of `slot_len` bytes, the latter rounded up to [`ALIGNMENT`].
    ///
    /// The memory is zeroed and takes no physical memory until it is touched.
    ///
    /// # Errors
    /// [`Error::NoMemory`] if either number is 0, the total overflows, or there is no memory.
    pub fn new(slots: usize, slot_len: usize) -> Result<Arc<Self>, Error> {
        Self::allocate(slots, slot_len)
            .map(Arc::new)
            .ok_or(Error::NoMemory { slots, slot_len })
    }

    fn allocate(slots: usize, slot_len: usize) -> Option<Self> {
        let slot_len = slot_len.checked_next_multiple_of(ALIGNMENT)?;
        let len = slots.checked_mul(slot_len).filter(|&len| len > 0)?;
        let alignment = if len < HUGE_PAGE {
            ALIGNMENT
        } else {
            HUGE_PAGE
        };
        // Aligned by hand: with more than its natural alignment, the system allocator zeroes by writing, which would touch every page
        // now. With alignment 1 it uses fresh pages instead.
        let layout = Layout::array::<u8>(len.checked_add(alignment - 1)?).ok()?;
        let owners = (0..slots).map(|_| AtomicUsize::new(0)).collect();
        // SAFETY: the layout's size is at least that of the alignment, so not zero.
        let allocation = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let address = allocation.addr().get();
        let padding = address.next_multiple_of(alignment) - address;
        // SAFETY: padding < alignment, and the allocation is len + alignment - 1 bytes long.
        let base = unsafe { allocation.add(padding) };
        if alignment == HUGE_PAGE {
            // SAFETY: these bytes are part of the allocation, and begin at a page.
            unsafe { sys::advise_huge_pages(base, len) };
        }
        Some(Self {
            allocation,
            layout,
            base,
            slots,
            slot_len,
            owners,
        })
    }

    /// Returns the number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Returns the length of each slot in bytes, a multiple of [`ALIGNMENT`].
    #[must_use]
    pub fn slot_len(&self) -> usize {
        self.slot_len
    }

    /// Returns the length of all slots together in bytes; they follow each other.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a slab is never empty")]
    pub fn len(&self) -> usize {
        self.slots * self.slot_len
    }

    /// Returns the start of slot 0, for a binding that shows the memory to JavaScript as one array.
    ///
    /// The contract: JavaScript reads or writes a slot only while it is not taken, and the owner of the pointer keeps an `Arc` of the
    /// slab.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Takes slot `index` for exclusive use until every part of it is dropped.
    ///
    /// Returns `None` while it is taken, and for an index out of range.
    #[must_use]
    pub fn take(self: &Arc<Self>, index: usize) -> Option<Slot> {
        // Acquire pairs with the Release in `Slot::drop`: writes of the last owners are visible here.
        self.owners
            .get(index)?
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        Some(Slot {
            slab: Arc::clone(self),
            index,
            start: index * self.slot_len,
            len: self.slot_len,
        })
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        // SAFETY: allocated in `allocate` with this very layout; every slot holds an `Arc` of the
        // slab, so none is alive.
        unsafe { dealloc(self.allocation.as_ptr(), self.layout) }
    }
}

/// Slot of a [`Slab`], or a part of one: exclusive, owned, and movable between threads.
#[derive(Debug)]
pub struct Slot {
    slab: Arc<Slab>,
    index: usize,
    /// Offset in the slab, in bytes.
    start: usize,
    len: usize,
}

impl Slot {
    /// Index of the slot that this is (a part of).
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Splits into the first `mid` bytes and the rest.
    ///
    /// The slot can be taken again after both parts, and everything split off them, are dropped.
    ///
    /// # Panics
    /// Panics if `mid` is beyond the end, like `slice::split_at`.
    #[must_use]
    pub fn split_at(mut self, mid: usize) -> (Self, Self) {
        assert!(mid <= self.len, "split at {mid} of {} bytes", self.len);
        // The clone comes first: `Arc` aborts before its count overflows, and there are never more
        // owners than clones, so the count below cannot overflow either.
        let slab = Arc::clone(&self.slab);
        // Relaxed: we are an owner, so the slot cannot become free meanwhile.
        slab.owners[self.index].fetch_add(1, Ordering::Relaxed);
        let rest = Self {
            slab,
            index: self.index,
            start: self.start + mid,
            len: self.len - mid,
        };
        self.len = mid;
        (self, rest)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Release: our reads and writes happen before those of the next owner.
        self.slab.owners[self.index].fetch_sub(1, Ordering::Release);
    }
}

impl Deref for Slot {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: start + len lies within the slab.
        let first = unsafe { self.slab.base.add(self.start) };
        // SAFETY: initialized (zeroed at first), alive as long as our `Arc`, and no other slot
        // covers these bytes, so only `&mut self` can change them.
        unsafe { slice::from_raw_parts(first.as_ptr(), self.len) }
    }
}

impl DerefMut for Slot {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: start + len lies within the slab.
        let first = unsafe { self.slab.base.add(self.start) };
        // SAFETY: as in `deref`, and `&mut self` makes this the only reference to these bytes.
        unsafe { slice::from_raw_parts_mut(first.as_ptr(), self.len) }
    }
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
