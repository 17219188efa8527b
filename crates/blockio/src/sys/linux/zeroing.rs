//! Ranges that read as zeros, and where they are.

use rustix::fd::AsFd;
use rustix::fs::{self, FallocateFlags, SeekFrom};
use rustix::io::retry_on_intr;
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

use super::Result;

/// Gives the space of a range back; the size of a file stays. See fallocate(2).
///
/// A block device does that only where it promises that the range reads as zeros then.
pub(crate) fn punch_hole(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    retry_on_intr(|| fs::fallocate(&fd, mode, offset, len))
}

/// Makes a range read as zeros and keeps its space; the size of a file stays. See fallocate(2).
pub(crate) fn zero_range(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    let mode = FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE;
    retry_on_intr(|| fs::fallocate(&fd, mode, offset, len))
}

/// Makes a range of a block device read as zeros, by writing them if need be.
pub(crate) fn zero_out(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    const BLKZEROOUT: Opcode = opcode::none(0x12, 127);
    retry_on_intr(|| {
        // SAFETY: BLKZEROOUT reads two u64, an offset and a length in bytes, and writes nothing.
        let range = unsafe { Setter::<BLKZEROOUT, [u64; 2]>::new([offset, len]) };
        // SAFETY: the opcode and the type belong together, see above.
        unsafe { ioctl(&fd, range) }
    })
}

/// The first offset from `offset` on that has data; `ENXIO` if there is none. Moves the descriptor's offset.
pub(crate) fn next_data(fd: impl AsFd, offset: u64) -> Result<u64> {
    fs::seek(fd, SeekFrom::Data(offset))
}

/// The first offset from `offset` on that has none. Moves the descriptor's offset.
pub(crate) fn next_hole(fd: impl AsFd, offset: u64) -> Result<u64> {
    fs::seek(fd, SeekFrom::Hole(offset))
}
