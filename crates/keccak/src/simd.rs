//! Names and detection of instruction sets.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

#[cfg(target_arch = "aarch64")]
use crate::arch::neon::Neon;
use crate::arch::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::arch::{avx2::Avx2, avx512::Avx512};
use crate::{Digest, sponge};

/// Instruction set of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simd {
    /// Instructions that every CPU has: one message at a time.
    Portable,
    /// x86-64 with AVX2: four messages.
    Avx2,
    /// x86-64 with AVX-512F: eight messages.
    Avx512,
    /// `AArch64` with the SHA-3 instructions of Armv8.2 (`FEAT_SHA3`): two messages.
    Neon,
}

impl Simd {
    /// All instruction sets; of those that one CPU can have, the fastest last.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// Returns the name, in lower case and without spaces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }
}

impl fmt::Display for Simd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Simd {
    type Err = UnknownSimd;

    fn from_str(name: &str) -> Result<Self, UnknownSimd> {
        Self::ALL
            .into_iter()
            .find(|simd| simd.name() == name)
            .ok_or(UnknownSimd)
    }
}

/// Error for a name that is not an instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSimd;

impl fmt::Display for UnknownSimd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of these is needed:")?;
        Simd::ALL.iter().try_for_each(|simd| write!(f, " {simd}"))
    }
}

impl Error for UnknownSimd {}

/// Kernel: the permutation, compiled for an instruction set of this CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Kernel {
    /// Returns the kernel for `simd`, if this CPU has it.
    pub(crate) fn detect(simd: Simd) -> Option<Self> {
        match simd {
            Simd::Portable => Some(Self::Portable),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => Avx2::detect().map(Self::Avx2),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => Avx512::detect().map(Self::Avx512),
            #[cfg(target_arch = "aarch64")]
            Simd::Neon => Neon::detect().map(Self::Neon),
            #[allow(unreachable_patterns, reason = "those of other architectures")]
            _ => None,
        }
    }

    pub(crate) fn simd(self) -> Simd {
        match self {
            Self::Portable => Simd::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Simd::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Simd::Avx512,
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => Simd::Neon,
        }
    }

    /// Returns the number of messages that it hashes in parallel.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Portable => 1,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Avx512::LANES,
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => Neon::LANES,
        }
    }

    /// Writes the digest of each message to the same index of `digests`; the slices must have the same length.
    pub(crate) fn digest_many(self, messages: &[&[u8]], digests: &mut [Digest]) {
        match self {
            Self::Portable => sponge::digest_many::<1>(Portable, messages, digests),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => sponge::digest_many(avx2, messages, digests),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(avx512) => sponge::digest_many(avx512, messages, digests),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(neon) => sponge::digest_many(neon, messages, digests),
        }
    }
}
