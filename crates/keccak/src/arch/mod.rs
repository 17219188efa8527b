//! The kernels, one file per instruction set, and what they have in common.

pub(crate) mod portable;

use crate::Digest;

/// A way to hash several messages in one call.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// The instruction set, as shown to people.
    pub(crate) name: &'static str,
    /// How many messages it hashes side by side.
    pub(crate) lanes: usize,
    /// Puts the digest of each message into the digest of the same index; the slices have the same length.
    pub(crate) digest_many: fn(&[&[u8]], &mut [Digest]),
}
