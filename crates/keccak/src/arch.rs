//! The instruction sets, one file each: every one implements [`Lanes`](crate::lanes::Lanes).

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::lanes::RATE;

/// Returns the ninth word of one block of each lane; the other eight fill whole registers.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[expect(
    clippy::inline_always,
    reason = "must be compiled with the instruction set of its caller"
)]
#[inline(always)]
fn last_words<const N: usize>(blocks: [&[u8; RATE]; N]) -> [u64; N] {
    blocks.map(|block| u64::from_le_bytes(block.as_chunks().0[8]))
}
