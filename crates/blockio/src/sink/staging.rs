//! Aligned buffers for direct writes.

use std::sync::Mutex;

use super::lock;
use crate::{Error, Slab, Slot};

/// Length of a buffer in bytes, and limit for one write.
pub(super) const STAGING_LEN: usize = 1024 * 1024;

/// Buffers per allocation. Memory that is never touched costs nothing.
const GROWTH: usize = 8;

/// Buffers, one per concurrent writer.
///
/// Blocks from a stream have any address in memory, and direct I/O needs aligned ones. Copying costs a fraction of what the page cache
/// costs, and joins adjacent blocks.
#[derive(Debug, Default)]
pub(super) struct Staging(Mutex<Vec<Slot>>);

impl Staging {
    /// Runs `work` with a buffer of its own.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut [u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut buffer = self.take()?;
        let result = work(&mut buffer);
        lock(&self.0).push(buffer);
        result
    }

    fn take(&self) -> Result<Slot, Error> {
        let mut free = lock(&self.0);
        if free.is_empty() {
            let slab = Slab::new(GROWTH, STAGING_LEN)?;
            free.extend((0..GROWTH).filter_map(|index| slab.take(index)));
        }
        free.pop().ok_or(Error::NoMemory {
            slots: GROWTH,
            slot_len: STAGING_LEN,
        })
    }
}
