//! Opened file or device in memory.

use std::ops::Range;

use super::{Memory, Operation, State, Trouble};
use crate::medium::{Access, Medium, Region, Result, Zeroing};
use crate::node::Kind;
use crate::sys::Errno;

/// Limit for the length of a file in bytes, because it is in memory.
const LONGEST: u64 = 4 << 30;

/// Counterpart of a descriptor.
#[derive(Debug)]
pub(crate) struct Opened {
    memory: Memory,
    granularity: Option<usize>,
}

impl Opened {
    pub(super) fn new(memory: Memory, granularity: Option<usize>) -> Self {
        Self {
            memory,
            granularity,
        }
    }

    /// Records an operation, then performs it.
    fn call<T>(
        &self,
        operation: Operation,
        offset: u64,
        len: u64,
        body: impl FnOnce(&mut State, Range<u64>) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.memory.state();
        let range = offset..offset.saturating_add(len);
        let number = state.calls.len();
        state.calls.push((operation, range.clone()));
        match state.troubles.get(&number).copied() {
            Some(Trouble::Fails(errno)) => {
                let errno = Errno::from_raw_os_error(errno);
                state.spoil(operation, range, errno);
                Err(errno)
            }
            Some(Trouble::Short(bytes)) => {
                let usual = std::mem::replace(&mut state.longest_transfer, bytes);
                let result = body(&mut state, range);
                state.longest_transfer = usual;
                result
            }
            None => body(&mut state, range),
        }
    }

    /// As `call`, for operations that do all or nothing.
    fn whole<T>(
        &self,
        operation: Operation,
        offset: u64,
        len: u64,
        body: impl FnOnce(&mut State, Range<usize>) -> Result<T>,
    ) -> Result<T> {
        self.call(operation, offset, len, |state, range| {
            state.faults.whole(operation, range.clone())?;
            let range = state.within(range);
            body(state, range)
        })
    }

    /// Refuses direct access if `memory` or `offset` is not aligned.
    fn check(&self, access: Access, memory: &[u8], offset: u64) -> Result<()> {
        let granularity = match (access, self.granularity) {
            (Access::Buffered, _) => return Ok(()),
            (Access::Direct, granularity) => granularity.ok_or(Errno::INVAL)?,
        };
        let aligned = memory.as_ptr().addr().is_multiple_of(granularity)
            && memory.len().is_multiple_of(granularity)
            && offset.is_multiple_of(granularity as u64);
        aligned.then_some(()).ok_or(Errno::INVAL)
    }

    /// Returns the part of a range that one operation completes: less than all if it is too long or contains a fault.
    fn transfer(
        &self,
        state: &mut State,
        access: Access,
        operation: Operation,
        range: Range<u64>,
    ) -> Result<Range<u64>> {
        let step = match access {
            Access::Direct => self.granularity.unwrap_or(1),
            Access::Buffered => 1,
        };
        let longest = state.longest_transfer;
        let most = match longest {
            // Nothing, without an error.
            0 => 0,
            _ => (longest - longest % step).max(step) as u64,
        };
        let range = range.start..range.end.min(range.start.saturating_add(most));
        match access {
            Access::Buffered => state.faults.before(operation, range),
            Access::Direct => {
                state.faults.whole(operation, range.clone())?;
                // Dirty data is written back first: otherwise it would later overwrite this, or be missed.
                let dirty = state.within(range.clone());
                state.write_back(dirty)?;
                Ok(range)
            }
        }
    }
}

impl Medium for Opened {
    fn granularity(&self) -> Option<usize> {
        self.granularity
    }

    fn reader(&self, direct: bool) -> Result<Box<dyn Medium>> {
        self.whole(Operation::Reopen, 0, u64::MAX, |_, _| Ok(()))?;
        Ok(Box::new(self.memory.opened(direct)))
    }

    fn size(&self) -> Result<u64> {
        self.whole(Operation::Size, 0, u64::MAX, |state, _| Ok(state.size()))
    }

    fn read(&self, access: Access, buf: &mut [u8], offset: u64) -> Result<usize> {
        let operation = match access {
            Access::Direct => Operation::DirectRead,
            Access::Buffered => Operation::Read,
        };
        self.call(operation, offset, buf.len() as u64, |state, range| {
            self.check(access, buf, offset)?;
            let end = range.end.min(state.size());
            if offset >= end {
                return Ok(0);
            }
            let done = self.transfer(state, access, operation, offset..end)?;
            let done = state.within(done);
            let len = done.len();
            buf[..len].copy_from_slice(match access {
                Access::Direct => state.layers.disk(done),
                Access::Buffered => {
                    state.layers.bring_in(done.clone());
                    &state.layers.content()[done]
                }
            });
            Ok(len)
        })
    }

    fn write(&self, access: Access, data: &[u8], offset: u64) -> Result<usize> {
        let operation = match access {
            Access::Direct => Operation::DirectWrite,
            Access::Buffered => Operation::Write,
        };
        self.call(operation, offset, data.len() as u64, |state, range| {
            self.check(access, data, offset)?;
            let (limit, errno) = match state.kind {
                Kind::File => (LONGEST, Errno::FBIG),
                Kind::Device => (state.size(), Errno::NOSPC),
            };
            if range.is_empty() {
                return Ok(0);
            }
            if offset >= limit {
                return Err(errno);
            }
            let range = offset..range.end.min(limit);
            let done = self.transfer(state, access, operation, range)?;
            // Both are below the limit of a file or the size of a device.
            let index = |at: u64| usize::try_from(at).map_err(|_| Errno::FBIG);
            let (start, len) = (index(done.start)?, index(done.end - done.start)?);
            match access {
                Access::Direct => state.layers.write_directly(&data[..len], start),
                Access::Buffered => state.layers.write(&data[..len], start),
            }
            Ok(len)
        })
    }

    fn zero(&self, how: Zeroing, offset: u64, len: u64) -> Result<()> {
        let operation = match how {
            Zeroing::PunchHole => Operation::PunchHole,
            Zeroing::ZeroRange => Operation::ZeroRange,
            Zeroing::ZeroOut => Operation::ZeroOut,
        };
        self.whole(operation, offset, len, |state, range| {
            let sector = state.granularity.unwrap_or(512);
            let aligned = range.start.is_multiple_of(sector) && range.len().is_multiple_of(sector);
            // Other operations are cut off at the end of the device.
            let too_long = how == Zeroing::ZeroOut && range.len() as u64 != len;
            match state.kind {
                Kind::File if how == Zeroing::ZeroOut => return Err(Errno::OPNOTSUPP),
                Kind::Device if !aligned || range.is_empty() || too_long => {
                    return Err(Errno::INVAL);
                }
                _ if len == 0 => return Err(Errno::INVAL),
                _ => {}
            }
            match how {
                Zeroing::PunchHole => state.layers.punch(range),
                Zeroing::ZeroRange | Zeroing::ZeroOut => state.layers.zero(range),
            }
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.whole(Operation::SetLen, 0, len, |state, _| {
            let len = usize::try_from(len).ok().filter(|_| len <= LONGEST);
            match (state.kind, len) {
                (Kind::Device, _) => Err(Errno::INVAL),
                (Kind::File, None) => Err(Errno::FBIG),
                (Kind::File, Some(len)) => {
                    state.layers.resize(len);
                    Ok(())
                }
            }
        })
    }

    fn sync(&self) -> Result<()> {
        self.call(Operation::Sync, 0, u64::MAX, |state, all| {
            let written = state.within(all.clone());
            // Reported below.
            let _ = state.write_back(written);
            state.report()?;
            state.faults.whole(Operation::Sync, all)?;
            state.layers.flush();
            Ok(())
        })
    }

    fn write_back(&self) -> Result<()> {
        Ok(())
    }

    fn next(&self, region: Region, offset: u64) -> Result<u64> {
        self.whole(Operation::Seek, offset, 1, |state, _| {
            if state.kind == Kind::Device {
                return Err(Errno::OPNOTSUPP);
            }
            let size = state.size();
            let start = usize::try_from(offset).map_err(|_| Errno::NXIO)?;
            if offset >= size {
                return Err(Errno::NXIO);
            }
            match (state.layers.next(region, start), region) {
                (Some(found), _) => Ok(found as u64),
                (None, Region::Hole) => Ok(size),
                (None, Region::Data) => Err(Errno::NXIO),
            }
        })
    }

    fn is_cached(&self, offset: u64, len: u64) -> Result<bool> {
        self.whole(Operation::AskCache, offset, len, |state, range| {
            // Nothing is cached after the end.
            let within = range.len() as u64 == len;
            Ok(within && state.layers.cached_prefix(range.clone()) == range.len())
        })
    }

    fn read_cached(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.whole(
            Operation::ReadCache,
            offset,
            buf.len() as u64,
            |state, range| {
                let len = state.layers.cached_prefix(range.clone());
                if len == 0 && !range.is_empty() {
                    return Err(Errno::AGAIN);
                }
                let len = len.min(state.longest_transfer);
                buf[..len].copy_from_slice(&state.layers.content()[range][..len]);
                Ok(len)
            },
        )
    }

    fn read_ahead(&self, _wanted: bool) {
        // Nothing is ever read ahead.
    }

    fn drop_cached(&self, offset: u64, len: u64) {
        let _ = self.call(Operation::DropCache, offset, len, |state, range| {
            let range = state.within(range);
            state.layers.drop_cached(range);
            Ok(())
        });
    }

    fn start_writeback(&self, offset: u64, len: u64) -> Result<()> {
        // The progress of the disk is unknown until a sync waits for it.
        self.whole(Operation::StartWriteback, offset, len, |state, _| {
            state.report()
        })
    }

    fn finish_writeback(&self, offset: u64, len: u64) -> Result<()> {
        self.whole(Operation::FinishWriteback, offset, len, |state, range| {
            // Reported below.
            let _ = state.write_back(range);
            state.report()
        })
    }
}
