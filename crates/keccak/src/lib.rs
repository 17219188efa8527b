//! SHA3-512 ([FIPS 202](https://doi.org/10.6028/NIST.FIPS.202)) of many messages in one call, and of one that arrives in parts.
//!
//! The blocks of a device are independent of each other, so a CPU with wide registers can hash several of them in parallel. Callers
//! therefore pass a group of blocks at a time, preferably a multiple of [`Sha3_512::lanes`].
//!
//! ```
//! use blockcopy_keccak::{DIGEST_LEN, Sha3_512};
//!
//! let blocks: [&[u8]; 2] = [&[0; 4096], &[1; 4096]];
//! let mut digests = [[0; DIGEST_LEN]; 2];
//! Sha3_512::new().digest_many(&blocks, &mut digests);
//! assert_ne!(digests[0], digests[1]);
//! ```

mod arch;
mod incremental;
mod lanes;
mod permutation;
mod simd;
mod sponge;

pub use incremental::Incremental;
use simd::Kernel;
pub use simd::{Simd, UnknownSimd};

/// Length of a SHA3-512 digest in bytes.
pub const DIGEST_LEN: usize = 64;

/// SHA3-512 digest.
pub type Digest = [u8; DIGEST_LEN];

/// SHA3-512 by one of the kernels. Holds no hash state: one value serves any number of threads.
#[derive(Clone, Copy, Debug)]
pub struct Sha3_512 {
    kernel: Kernel,
}

impl Sha3_512 {
    /// Selects the fastest kernel for this CPU.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "the result depends on the CPU")]
    pub fn new() -> Self {
        let fastest = Simd::ALL.into_iter().rev().find_map(Kernel::detect);
        Self {
            kernel: fastest.unwrap_or(Kernel::Portable),
        }
    }

    /// Selects the kernel for `simd`; `None` if this CPU lacks it.
    #[must_use]
    pub fn with(simd: Simd) -> Option<Self> {
        Kernel::detect(simd).map(|kernel| Self { kernel })
    }

    /// Returns the instruction set in use.
    #[must_use]
    pub fn simd(&self) -> Simd {
        self.kernel.simd()
    }

    /// Returns the number of messages that the kernel hashes in parallel, at least 1.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.kernel.lanes()
    }

    /// Writes the digest of `messages[i]` to `digests[i]`. The messages may differ in length. All lanes are busy while at least as many
    /// messages as lanes remain.
    ///
    /// # Panics
    ///
    /// Panics with `one digest per message: N messages, M digests` if the two slices differ in length.
    pub fn digest_many(&self, messages: &[&[u8]], digests: &mut [Digest]) {
        assert!(
            messages.len() == digests.len(),
            "one digest per message: {} messages, {} digests",
            messages.len(),
            digests.len()
        );
        self.kernel.digest_many(messages, digests);
    }
}
