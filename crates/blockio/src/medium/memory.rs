//! Content of memory that behaves like a file or device of the kernel, and fails where a test says so.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::node::Kind;
use crate::sys::Errno;

mod faults;
mod layers;
mod opened;

use faults::Faults;
pub use faults::{Fault, Operation};
use layers::Layers;
use opened::Opened;

/// A file or device in memory, for tests: a handle, whose clones share the content.
///
/// It does what the kernel does with a file on ext4 or a block device, as far as [`Source`](crate::Source) and
/// [`Sink`](crate::Sink) can tell: unaligned direct access is refused, what was written through the page cache is dirty
/// until it is written back, and what the disk has been given survives a crash only after a sync. The page cache knows
/// units of 4096 bytes, and so do holes.
///
/// Everything works until a [`Fault`] is put in its way.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    kind: Kind,
    /// Of direct access, in bytes.
    granularity: Option<usize>,
    /// The most that one call reads or writes, in bytes.
    longest_transfer: usize,
    layers: Layers,
    faults: Faults,
    /// Writing back failed, and nobody has been told.
    unreported: Option<Errno>,
    calls: Vec<(Operation, Range<u64>)>,
}

impl Memory {
    /// A regular file with this content, all of it data on the disk, nothing in the page cache. Direct access has a
    /// granularity of 512 bytes.
    pub fn file(content: impl Into<Vec<u8>>) -> Self {
        Self::new(Kind::File, content.into())
    }

    /// A block device with this content, which is as long as a real one if that is a multiple of its granularity;
    /// otherwise as [`file`](Self::file).
    pub fn device(content: impl Into<Vec<u8>>) -> Self {
        Self::new(Kind::Device, content.into())
    }

    fn new(kind: Kind, content: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            kind,
            granularity: Some(512),
            longest_transfer: usize::MAX,
            layers: Layers::new(content),
            faults: Faults::default(),
            unreported: None,
            calls: Vec::new(),
        })))
    }

    /// Direct access in multiples of this many bytes, a power of two, at most [`ALIGNMENT`](crate::ALIGNMENT); with
    /// `None` there is none. To be called before it is opened.
    #[must_use]
    pub fn with_granularity(self, granularity: Option<usize>) -> Self {
        self.state().granularity = granularity;
        self
    }

    /// No call reads or writes more than this many bytes, or a granule where that is more and access is direct.
    #[must_use]
    pub fn with_longest_transfer(self, bytes: usize) -> Self {
        self.state().longest_transfer = bytes.max(1);
        self
    }

    /// With something going wrong; see [`inject`](Self::inject).
    #[must_use]
    pub fn with_fault(self, fault: Fault) -> Self {
        self.inject(fault);
        self
    }

    /// A file with a hole: whole units of 4096 bytes within `range`, in bytes, read as zeros and take no space.
    #[must_use]
    pub fn with_hole(self, range: Range<u64>) -> Self {
        let mut state = self.state();
        let range = state.within(range);
        let whole = state.layers.whole_pages(range);
        state.layers.zero(whole, true);
        state.layers.flush();
        drop(state);
        self
    }

    /// With the units of `range`, in bytes, in the page cache.
    #[must_use]
    pub fn with_cached(self, range: Range<u64>) -> Self {
        let mut state = self.state();
        let range = state.within(range);
        state.layers.bring_in(range);
        drop(state);
        self
    }

    /// Lets something go wrong from now on. Of the faults that an operation meets, the first one in the file or device
    /// decides.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Takes away all faults.
    pub fn heal(&self) {
        self.state().faults = Faults::default();
    }

    /// Writes back everything dirty, as the kernel does by itself after a while. If the disk fails, whoever next waits
    /// for writing back is told.
    pub fn write_back(&self) {
        let mut state = self.state();
        let all = state.within(0..u64::MAX);
        // Kept until somebody asks.
        let _ = state.write_back(all);
    }

    /// Makes it that many bytes long, as somebody else does who has it open. What is new is a hole.
    pub fn set_len(&self, len: usize) {
        self.state().layers.resize(len);
    }

    /// File or device.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.state().kind
    }

    /// What a reader sees now.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        self.state().layers.content().to_vec()
    }

    /// What would survive a crash: the content as it was when it was last synced, and failed at nothing.
    #[must_use]
    pub fn durable(&self) -> Vec<u8> {
        self.state().layers.durable().to_vec()
    }

    /// Bytes of the units that are in the page cache and not on the disk.
    #[must_use]
    pub fn dirty(&self) -> usize {
        self.state().layers.dirty()
    }

    /// The most there has been of [`dirty`](Self::dirty) at a time.
    #[must_use]
    pub fn most_dirty(&self) -> usize {
        self.state().layers.most_dirty()
    }

    /// Bytes of the units within `range`, in bytes, that are in the page cache.
    #[must_use]
    pub fn cached(&self, range: Range<u64>) -> usize {
        let state = self.state();
        let range = state.within(range);
        state.layers.cached(range)
    }

    /// Bytes of the units that are not holes.
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.state().layers.allocated()
    }

    /// What it was asked to do until now, in that order, with the range in bytes that each call named, whatever came of
    /// it. A call that has no range has all of it.
    #[must_use]
    pub fn operations(&self) -> Vec<(Operation, Range<u64>)> {
        self.state().calls.clone()
    }

    /// Opens it; for direct access too, where that is wanted and possible.
    pub(crate) fn opened(&self, direct: bool) -> Opened {
        let granularity = self.state().granularity.filter(|_| direct);
        Opened::new(self.clone(), granularity)
    }

    /// Nothing panics in the middle of a change; if it did, the test that uses this has failed anyhow.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn size(&self) -> u64 {
        self.layers.content().len() as u64
    }

    /// The part of a range that is within the content, as indices.
    fn within(&self, range: Range<u64>) -> Range<usize> {
        let index = |at: u64| usize::try_from(at.min(self.size())).unwrap_or(usize::MAX);
        let start = index(range.start);
        start..index(range.end).max(start)
    }

    /// Gives the disk what is dirty in a range. What it does not take is given up, as by the kernel.
    fn write_back(&mut self, range: Range<usize>) -> Result<(), Errno> {
        let mut failure = None;
        for page in self.layers.dirty_pages(range) {
            let bytes = page.start as u64..page.end as u64;
            let taken = self.faults.whole(Operation::Writeback, bytes);
            self.layers.clean(page, taken.is_ok());
            failure = failure.or(taken.err());
        }
        self.unreported = self.unreported.or(failure);
        failure.map_or(Ok(()), Err)
    }

    /// Tells of a failure to write back, once.
    fn report(&mut self) -> Result<(), Errno> {
        self.unreported.take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests;
