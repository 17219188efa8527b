//! `AArch64` with the SHA-3 instructions of Armv8.2: two states, the words at one index of both in one register.

#![expect(
    unsafe_code,
    reason = "intrinsics may only be called where the CPU has them"
)]
#![expect(
    clippy::inline_always,
    reason = "must be compiled with the instruction set of its caller"
)]
#![allow(
    unknown_lints,
    inline_always_mismatching_target_features,
    reason = "the methods are inlined into a function that has them, and then so are the intrinsics"
)]

use std::arch::aarch64::{
    uint64x2_t, vbcaxq_u64, vdupq_n_u64, veor3q_u64, veorq_u64, vld1q_u8, vld1q_u64, vrax1q_u64,
    vreinterpretq_u64_u8, vst1q_u64, vxarq_u64, vzip1q_u64, vzip2q_u64,
};
use std::arch::is_aarch64_feature_detected;

use super::last_words;
use crate::lanes::{Lanes, RATE, State};
use crate::permutation;

/// Proof that the CPU has the SHA-3 instructions (`FEAT_SHA3`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon(());

impl Neon {
    /// Messages that are hashed in parallel.
    pub(crate) const LANES: usize = 2;

    /// Returns the token, if the CPU has `FEAT_SHA3` and is little-endian: words are loaded in the order of memory.
    pub(crate) fn detect() -> Option<Self> {
        (cfg!(target_endian = "little") && is_aarch64_feature_detected!("sha3")).then_some(Self(()))
    }
}

#[target_feature(enable = "neon,sha3")]
fn absorb(token: Neon, state: &mut State<{ Neon::LANES }>, runs: [&[[u8; RATE]]; Neon::LANES]) {
    permutation::absorb(token, state, runs);
}

impl Lanes<{ Neon::LANES }> for Neon {
    type Word = uint64x2_t;
    type Effect = uint64x2_t;

    fn absorb(self, state: &mut State<{ Self::LANES }>, runs: [&[[u8; RATE]]; Self::LANES]) {
        // SAFETY: `self` exists only where the CPU has FEAT_SHA3.
        unsafe { absorb(self, state, runs) }
    }

    #[inline(always)]
    fn splat(self, word: u64) -> uint64x2_t {
        // SAFETY: the token proves that the CPU has the instructions.
        unsafe { vdupq_n_u64(word) }
    }

    #[inline(always)]
    fn pack(self, words: [u64; 2]) -> uint64x2_t {
        // SAFETY: the token proves that the CPU has the instructions, and an array of two words has the 16 bytes that are read.
        unsafe { vld1q_u64(words.as_ptr()) }
    }

    #[inline(always)]
    fn unpack(self, words: uint64x2_t) -> [u64; 2] {
        let mut array = [0; 2];
        // SAFETY: as in `pack`, for the 16 bytes that are written.
        unsafe { vst1q_u64(array.as_mut_ptr(), words) };
        array
    }

    #[inline(always)]
    fn load(self, blocks: [&[u8; RATE]; 2]) -> [uint64x2_t; 9] {
        let pair = |pair: usize| {
            let [a, b] = blocks.map(|block| {
                let row: &[u8; 16] = &block.as_chunks().0[pair];
                // SAFETY: the token proves that the CPU has the instructions, and a row has the 16 bytes that are read.
                let bytes = unsafe { vld1q_u8(row.as_ptr()) };
                // SAFETY: the token proves that the CPU has the instructions.
                unsafe { vreinterpretq_u64_u8(bytes) }
            });
            // SAFETY: the token proves that the CPU has the instructions.
            unsafe { transpose(a, b) }
        };
        let ([w0, w1], [w2, w3], [w4, w5], [w6, w7]) = (pair(0), pair(1), pair(2), pair(3));
        let w8 = self.pack(last_words(blocks));
        [w0, w1, w2, w3, w4, w5, w6, w7, w8]
    }

    #[inline(always)]
    fn xor(self, a: uint64x2_t, b: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves that the CPU has the instructions.
        unsafe { veorq_u64(a, b) }
    }

    #[inline(always)]
    fn xor5(self, words: [uint64x2_t; 5]) -> uint64x2_t {
        // SAFETY: the token proves that the CPU has the instructions.
        let first = unsafe { veor3q_u64(words[0], words[1], words[2]) };
        // SAFETY: as above.
        unsafe { veor3q_u64(first, words[3], words[4]) }
    }

    #[inline(always)]
    fn effect(self, left: uint64x2_t, right: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves that the CPU has the instructions.
        unsafe { vrax1q_u64(left, right) }
    }

    #[inline(always)]
    fn add(self, word: uint64x2_t, effect: uint64x2_t) -> uint64x2_t {
        self.xor(word, effect)
    }

    #[inline(always)]
    fn add_and_rotate<const LEFT: i32, const RIGHT: i32>(
        self,
        word: uint64x2_t,
        effect: uint64x2_t,
    ) -> uint64x2_t {
        // SAFETY: the token proves that the CPU has the instructions.
        unsafe { vxarq_u64::<RIGHT>(word, effect) }
    }

    #[inline(always)]
    fn chi(self, a: uint64x2_t, b: uint64x2_t, c: uint64x2_t) -> uint64x2_t {
        // SAFETY: the token proves that the CPU has the instructions.
        unsafe { vbcaxq_u64(a, c, b) }
    }
}

/// Transposes two rows of two words.
#[inline]
#[target_feature(enable = "neon")]
fn transpose(a: uint64x2_t, b: uint64x2_t) -> [uint64x2_t; 2] {
    [vzip1q_u64(a, b), vzip2q_u64(a, b)]
}
