//! Aligned memory that what is written directly passes through.

use std::sync::Mutex;

use super::lock;
use crate::{Error, Slab, Slot};

/// Length of a buffer in bytes: the most that is written at once.
pub(super) const STAGING_LEN: usize = 1024 * 1024;

/// How many buffers are allocated together. What is never touched costs nothing.
const GROWTH: usize = 8;

/// Buffers, one for each thread that writes at the same time.
///
/// A block lies in memory as it came out of a stream, at any address, and direct I/O wants an aligned one. Copying it costs a fraction
/// of what the page cache costs, and puts neighbours side by side.
#[derive(Debug, Default)]
pub(super) struct Staging(Mutex<Vec<Slot>>);

impl Staging {
    /// Runs `work` with a buffer that nobody else has.
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
