//! What goes wrong.

use std::ops::Range;

use crate::sys::Errno;

/// What a file or device in memory is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// To read through the page cache. With a fault further on in it, it is short.
    Read,
    /// To write through the page cache. With a fault further on in it, it is short.
    Write,
    /// To read past the page cache. With a fault anywhere in it, it fails as a whole.
    DirectRead,
    /// To write past the page cache. With a fault anywhere in it, it fails as a whole.
    DirectWrite,
    /// To make a range read as zeros, and give its space back.
    PunchHole,
    /// To make a range read as zeros, and keep its space.
    ZeroRange,
    /// To make a range of a device read as zeros, by writing them if need be.
    ZeroOut,
    /// To set the length, which is what the range of the call ends at.
    SetLen,
    /// To say where data or a hole begins.
    Seek,
    /// To say what is in the page cache.
    AskCache,
    /// To read what is in the page cache, and nothing else.
    ReadCache,
    /// To drop from the page cache what is clean. That never fails.
    DropCache,
    /// To begin writing back. It tells of an earlier failure, but waits for nothing.
    StartWriteback,
    /// To write back and wait for that.
    FinishWriteback,
    /// Writing back itself, a page at a time, whoever makes the kernel do it. Nobody calls it. The failure is told
    /// once, to whoever asks first, and what was to be written is given up.
    Writeback,
    /// To bring everything to the disk.
    Sync,
}

/// A place where something goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What fails.
    pub operation: Operation,
    /// The bytes that make it fail, if there is one of them in its range.
    pub range: Range<u64>,
    /// The kernel's number for why; see errno(3).
    pub errno: i32,
    /// Only the first time.
    pub once: bool,
}

impl Fault {
    /// Fails each time, in this range of bytes.
    #[must_use]
    pub fn new(operation: Operation, range: Range<u64>, errno: i32) -> Self {
        Self {
            operation,
            range,
            errno,
            once: false,
        }
    }

    /// Fails each time, everywhere: with `EOPNOTSUPP` or `ENOSYS` it is as if there were no such operation.
    #[must_use]
    pub fn everywhere(operation: Operation, errno: i32) -> Self {
        Self::new(operation, 0..u64::MAX, errno)
    }

    /// Fails the first time only.
    #[must_use]
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }
}

/// All that goes wrong.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// How far an operation gets that does a part of its range, at least a byte, before it fails.
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

    /// Whether an operation fails that does all or nothing.
    pub(super) fn whole(&mut self, operation: Operation, range: Range<u64>) -> Result<(), Errno> {
        match self.first(operation, &range) {
            Some(index) => Err(self.fail(index)),
            None => Ok(()),
        }
    }

    /// The first fault within a range.
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
