//! Zeroing ranges, and finding holes.

use rustix::fd::AsFd;
use rustix::fs::{self, FallocateFlags, SeekFrom};
use rustix::io::retry_on_intr;
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

use super::Result;

/// Frees the space of a range; the size of a file does not change. See fallocate(2).
///
/// A block device supports this only if it guarantees zeros.
pub(crate) fn punch_hole(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    retry_on_intr(|| fs::fallocate(&fd, mode, offset, len))
}

/// Zeroes a range and keeps its space; the size of a file does not change. See fallocate(2).
pub(crate) fn zero_range(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    let mode = FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE;
    retry_on_intr(|| fs::fallocate(&fd, mode, offset, len))
}

/// Zeroes a range of a block device, by writing zeros if necessary.
pub(crate) fn zero_out(fd: impl AsFd, offset: u64, len: u64) -> Result<()> {
    const BLKZEROOUT: Opcode = opcode::none(0x12, 127);
    retry_on_intr(|| {
        // SAFETY: BLKZEROOUT reads two u64, an offset and a length in bytes, and writes nothing.
        let range = unsafe { Setter::<BLKZEROOUT, [u64; 2]>::new([offset, len]) };
        // SAFETY: the opcode and the type belong together, see above.
        unsafe { ioctl(&fd, range) }
    })
}

/// Returns the first offset at or after `offset` with data; `ENXIO` if there is none. Moves the descriptor's offset.
pub(crate) fn next_data(fd: impl AsFd, offset: u64) -> Result<u64> {
    fs::seek(fd, SeekFrom::Data(offset))
}

/// Returns the first offset at or after `offset` in a hole. Moves the descriptor's offset.
pub(crate) fn next_hole(fd: impl AsFd, offset: u64) -> Result<u64> {
    fs::seek(fd, SeekFrom::Hole(offset))
}
