//! Faults.

use std::ops::Range;

use crate::sys::Errno;

/// Operation of a file or device in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Read through the page cache. It stops before a fault.
    Read,
    /// Write through the page cache. It stops before a fault.
    Write,
    /// Direct read. A fault anywhere in its range makes all of it fail.
    DirectRead,
    /// Direct write. A fault anywhere in its range makes all of it fail.
    DirectWrite,
    /// Zero a range and free its space.
    PunchHole,
    /// Zero a range and keep its space.
    ZeroRange,
    /// Zero a range of a device, by writing zeros if necessary.
    ZeroOut,
    /// Set the length, which is the end of the range.
    SetLen,
    /// Find data or a hole.
    Seek,
    /// Query the page cache.
    AskCache,
    /// Read only cached data.
    ReadCache,
    /// Drop clean pages from the page cache. Never fails.
    DropCache,
    /// Start writeback. Reports an earlier failure, but does not wait.
    StartWriteback,
    /// Write back and wait for that.
    FinishWriteback,
    /// Writeback of a page, whatever causes it. Not an operation that is called. A failure is reported once, to the first caller that asks,
    /// and the data is dropped.
    Writeback,
    /// Sync everything to the disk.
    Sync,
    /// Find the size.
    Size,
    /// Open it again, for reading.
    Reopen,
}

/// Fault in a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Operation that fails.
    pub operation: Operation,
    /// Range of the fault, in bytes: an operation that includes any of them fails.
    pub range: Range<u64>,
    /// Error number; see errno(3).
    pub errno: i32,
    /// True if only the first operation fails.
    pub once: bool,
}

impl Fault {
    /// Returns a fault that always occurs in this range of bytes.
    #[must_use]
    pub fn new(operation: Operation, range: Range<u64>, errno: i32) -> Self {
        Self {
            operation,
            range,
            errno,
            once: false,
        }
    }

    /// Returns a fault that always occurs, everywhere: `EOPNOTSUPP` or `ENOSYS` simulates a missing operation.
    #[must_use]
    pub fn everywhere(operation: Operation, errno: i32) -> Self {
        Self::new(operation, 0..u64::MAX, errno)
    }

    /// Makes only the first operation fail.
    #[must_use]
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }
}

/// Fault of a single call; see [`Memory::disturb`](super::Memory::disturb).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It fails with this error number; see errno(3). After a failed sync, or a failed wait for writeback, the dirty data of the range is lost, and after a
    /// direct write that fails with `EIO` the content of the range is undefined, as with a disk.
    Fails(i32),
    /// A read or write transfers at most this many bytes, in whole units of the granularity. Other operations succeed.
    Short(usize),
}

/// All faults.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Returns the number of bytes that an operation completes before a fault, for operations that may be short.
    pub(super) fn before(
        &mut self,
        operation: Operation,
        range: Range<u64>,
    ) -> Result<Range<u64>, Errno> {
        match self.first(operation, &range) {
            Some(index) if self.0[index].range.start > range.start => {
                Ok(range.start..self.0[index].range.start)
            }
            Some(index) => Err(self.fail(index)),
            None => Ok(range),
        }
    }

    /// Fails if an operation that does all or nothing meets a fault.
    pub(super) fn whole(&mut self, operation: Operation, range: Range<u64>) -> Result<(), Errno> {
        match self.first(operation, &range) {
            Some(index) => Err(self.fail(index)),
            None => Ok(()),
        }
    }

    /// Returns the first fault within a range.
    fn first(&self, operation: Operation, range: &Range<u64>) -> Option<usize> {
        let met = |fault: &Fault| {
            fault.operation == operation
                && fault.range.start < range.end
                && range.start < fault.range.end
        };
        let found = self.0.iter().enumerate().filter(|(_, fault)| met(fault));
        found
            .min_by_key(|(_, fault)| fault.range.start)
            .map(|(index, _)| index)
    }

    fn fail(&mut self, index: usize) -> Errno {
        let errno = Errno::from_raw_os_error(self.0[index].errno);
        if self.0[index].once {
            self.0.remove(index);
        }
        errno
    }
}
