//! Simulated files and devices for tests, with faults.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::node::Kind;
use crate::sys::Errno;

mod faults;
mod layers;
mod opened;

use faults::Faults;
pub use faults::{Fault, Operation, Trouble};
use layers::Layers;
use opened::Opened;

/// File or device in memory, for tests. Clones share the content.
///
/// It behaves like a file on ext4 or a block device, as far as [`Source`](crate::Source) and [`Sink`](crate::Sink) can tell: unaligned
/// direct access is refused, data written through the page cache is dirty until writeback, and data on the disk survives a crash
/// only after a sync. The page cache and holes have units of 4096 bytes.
///
/// Everything works unless there is a [`Fault`].
#[derive(Debug, Clone)]
pub struct Memory(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    kind: Kind,
    /// Granularity of direct access, in bytes.
    granularity: Option<usize>,
    /// Limit for one read or write, in bytes.
    longest_transfer: usize,
    layers: Layers,
    faults: Faults,
    /// Failure of writeback that was not reported yet.
    unreported: Option<Errno>,
    calls: Vec<(Operation, Range<u64>)>,
    /// Faults of single calls, by the index of the call.
    troubles: HashMap<usize, Trouble>,
}

impl Memory {
    /// Creates a regular file with this content: all of it is data on the disk and nothing is cached. Direct access has a granularity of
    /// 512 bytes.
    pub fn file(content: impl Into<Vec<u8>>) -> Self {
        Self::new(Kind::File, content.into())
    }

    /// Creates a block device with this content, whose length should be a multiple of the granularity; otherwise as
    /// [`file`](Self::file).
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
            troubles: HashMap::new(),
        })))
    }

    /// Sets the granularity of direct access in bytes: a power of two, at most [`ALIGNMENT`](crate::ALIGNMENT), or `None` for no direct
    /// access. Call it before opening.
    #[must_use]
    pub fn with_granularity(self, granularity: Option<usize>) -> Self {
        self.state().granularity = granularity;
        self
    }

    /// Limits each read and write to this many bytes, or to the granularity of direct access if that is more.
    #[must_use]
    pub fn with_longest_transfer(self, bytes: usize) -> Self {
        self.state().longest_transfer = bytes.max(1);
        self
    }

    /// Adds a fault; see [`inject`](Self::inject).
    #[must_use]
    pub fn with_fault(self, fault: Fault) -> Self {
        self.inject(fault);
        self
    }

    /// Makes a hole: whole units of 4096 bytes within `range`, in bytes, become zeros without allocated space.
    #[must_use]
    pub fn with_hole(self, range: Range<u64>) -> Self {
        let mut state = self.state();
        let range = state.within(range);
        let whole = state.layers.whole_pages(range);
        state.layers.punch(whole);
        state.layers.flush();
        drop(state);
        self
    }

    /// Reports what is written to a hole through the page cache as a hole until it is written back, as ext4 without extents does.
    #[must_use]
    pub fn with_hidden_data(self) -> Self {
        self.state().layers.hide_dirty();
        self
    }

    /// Puts the units of `range`, in bytes, into the page cache.
    #[must_use]
    pub fn with_cached(self, range: Range<u64>) -> Self {
        let mut state = self.state();
        let range = state.within(range);
        state.layers.bring_in(range);
        drop(state);
        self
    }

    /// Adds a fault from now on. If an operation meets several faults, the one at the lowest offset decides.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    /// Makes a single call go wrong: the one with this index in [`calls`](Self::calls).
    pub fn disturb(&self, call: usize, trouble: Trouble) {
        self.state().troubles.insert(call, trouble);
    }

    /// Removes all faults.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults = Faults::default();
        state.troubles.clear();
    }

    /// Writes back all dirty data, as the kernel does by itself after a while. A failure is reported to the next caller that waits for
    /// writeback.
    pub fn write_back(&self) {
        let mut state = self.state();
        let all = state.within(0..u64::MAX);
        // Kept until it is reported.
        let _ = state.write_back(all);
    }

    /// Sets its length in bytes, like another process that has it open. The new part is a hole.
    pub fn set_len(&self, len: usize) {
        self.state().layers.resize(len);
    }

    /// Returns the kind: file or device.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.state().kind
    }

    /// Returns the content that a reader sees now.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        self.state().layers.content().to_vec()
    }

    /// Returns the content that would survive a crash: that of the last sync without a failure.
    #[must_use]
    pub fn durable(&self) -> Vec<u8> {
        self.state().layers.durable().to_vec()
    }

    /// Returns the number of dirty bytes in the page cache, in whole units.
    #[must_use]
    pub fn dirty(&self) -> usize {
        self.state().layers.dirty()
    }

    /// Returns the largest value so far of [`dirty`](Self::dirty).
    #[must_use]
    pub fn most_dirty(&self) -> usize {
        self.state().layers.most_dirty()
    }

    /// Returns the number of cached bytes within `range`, in whole units.
    #[must_use]
    pub fn cached(&self, range: Range<u64>) -> usize {
        let state = self.state();
        let range = state.within(range);
        state.layers.cached(range)
    }

    /// Returns the number of allocated bytes, in whole units.
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.state().layers.allocated()
    }

    /// Returns all operations so far, in order, each with its range in bytes, whether it succeeded or not. Operations without a range have
    /// all of it. Without those that only ask for the size or open it again.
    #[must_use]
    pub fn operations(&self) -> Vec<(Operation, Range<u64>)> {
        let counts = |(done, _): &(Operation, Range<u64>)| {
            !matches!(done, Operation::Size | Operation::Reopen)
        };
        self.calls().into_iter().filter(counts).collect()
    }

    /// As [`operations`](Self::operations), with all of them.
    #[must_use]
    pub fn calls(&self) -> Vec<(Operation, Range<u64>)> {
        self.state().calls.clone()
    }

    /// Opens it, for direct access too if `direct` is set and possible.
    pub(crate) fn opened(&self, direct: bool) -> Opened {
        let granularity = self.state().granularity.filter(|_| direct);
        Opened::new(self.clone(), granularity)
    }

    /// Nothing panics in the middle of a change; if it did, the test would have failed anyway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn size(&self) -> u64 {
        self.layers.content().len() as u64
    }

    /// Returns the part of a range within the content, as indices.
    fn within(&self, range: Range<u64>) -> Range<usize> {
        let index = |at: u64| usize::try_from(at.min(self.size())).unwrap_or(usize::MAX);
        let start = index(range.start);
        start..index(range.end).max(start)
    }

    /// Writes dirty data of a range back to the disk. Data that the disk refuses is dropped, as by the kernel.
    fn write_back(&mut self, range: Range<usize>) -> Result<(), Errno> {
        let mut failure = None;
        for page in self.layers.dirty_pages(range) {
            let bytes = page.start as u64..page.end as u64;
            let taken = self.faults.whole(Operation::Writeback, bytes);
            match taken {
                Ok(()) => self.layers.write_back(page),
                Err(_) => self.layers.give_up(page),
            }
            failure = failure.or(taken.err());
        }
        self.unreported = self.unreported.or(failure);
        failure.map_or(Ok(()), Err)
    }

    /// Does to the data of the range what a failed call of a disk does.
    fn spoil(&mut self, operation: Operation, range: Range<u64>, errno: Errno) {
        let range = self.within(range);
        match operation {
            Operation::Sync | Operation::FinishWriteback => {
                for page in self.layers.dirty_pages(range) {
                    self.layers.give_up(page);
                }
            }
            Operation::DirectWrite if errno == Errno::IO => {
                let garbage = vec![0xBD; range.len()];
                self.layers.write_directly(&garbage, range.start);
            }
            _ => {}
        }
    }

    /// Reports a failure of writeback, once.
    fn report(&mut self) -> Result<(), Errno> {
        self.unreported.take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests;
