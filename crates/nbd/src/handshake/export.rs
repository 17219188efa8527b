//! Properties of an export.

use super::refused;
use crate::Failure;
use crate::reply::violation;
use crate::wire::{MAX_PAYLOAD, export};

/// Largest minimum block size that the protocol allows, in bytes.
const MAX_MINIMUM: u32 = 65_536;

/// Smallest limit for a request that is accepted, in bytes. All requests for one buffer are in flight together, so a smaller limit would make
/// millions of them.
const MIN_MAXIMUM: u32 = 4096;

/// Sizes of requests that an export accepts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSizes {
    /// Offsets and lengths are multiples of it; a power of two.
    pub minimum: u32,
    /// Limit for the payload of a request, a multiple of the minimum.
    pub maximum: u32,
}

/// Properties of an export, as its server reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// Size in bytes, a multiple of the minimum block size.
    pub size: u64,
    /// Flags, as the protocol numbers them.
    pub flags: u16,
    /// Sizes of requests.
    pub blocks: BlockSizes,
    /// True if replies are structured.
    pub structured: bool,
    /// Number of the metadata context, if the server has it.
    pub context: Option<u32>,
}

impl Export {
    /// Returns true if it cannot be written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.flags & export::READ_ONLY != 0
    }

    /// Returns true if the server can sync.
    #[must_use]
    pub fn can_flush(&self) -> bool {
        self.flags & export::SEND_FLUSH != 0
    }

    /// Returns true if the server can answer a write after it is on the disk.
    #[must_use]
    pub fn can_force(&self) -> bool {
        self.flags & export::SEND_FUA != 0
    }

    /// Returns true if the server can zero without getting zeros.
    #[must_use]
    pub fn can_zero(&self) -> bool {
        self.flags & export::SEND_WRITE_ZEROES != 0
    }

    /// Returns true if several connections see the same content, and a flush on one of them is about all.
    #[must_use]
    pub fn can_multi_conn(&self) -> bool {
        self.flags & export::CAN_MULTI_CONN != 0
    }
}

/// Checks the sizes of requests, and limits the largest one. It is a multiple of the preferred size if possible.
pub(super) fn block_sizes(
    minimum: u32,
    preferred: u32,
    maximum: u32,
) -> Result<BlockSizes, Failure> {
    if !minimum.is_power_of_two()
        || minimum > MAX_MINIMUM
        || preferred < minimum
        || maximum < minimum
    {
        return violation("impossible block sizes");
    }
    if maximum < MIN_MAXIMUM {
        return refused(format!(
            "its maximum block size of {maximum} bytes is less than {MIN_MAXIMUM}"
        ));
    }
    let limit = maximum.min(MAX_PAYLOAD);
    let unit = if preferred <= limit && preferred.is_multiple_of(minimum) {
        preferred
    } else {
        minimum
    };
    Ok(BlockSizes {
        minimum,
        maximum: limit - limit % unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_are_limited_and_keep_the_preferred_size() {
        for (sizes, expected) in [
            ((1, 4096, u32::MAX), Some((1, MAX_PAYLOAD))),
            ((512, 4096, 1_000_000), Some((512, 999_424))),
            ((512, 1 << 30, 1_000_000), Some((512, 999_936))),
            ((4096, 65_536, 65_536), Some((4096, 65_536))),
            ((65_536, 65_536, 65_536), Some((65_536, 65_536))),
            ((0, 4096, 65_536), None),
            ((3, 4096, 65_536), None),
            ((131_072, 131_072, 1 << 20), None),
            ((512, 256, 65_536), None),
            ((512, 512, 256), None),
            ((1, 0, 0), None),
            ((1, 1, 1), None),
            ((512, 512, 4095), None),
            ((512, 512, 4096), Some((512, 4096))),
        ] {
            let (minimum, preferred, maximum) = sizes;
            let found = block_sizes(minimum, preferred, maximum).ok();
            let found = found.map(|found| (found.minimum, found.maximum));
            assert_eq!(found, expected, "{sizes:?}");
        }
    }
}
