//! x86-64 with AVX2: four states, the words at one index of all of them in one register.

#![expect(
    unsafe_code,
    reason = "intrinsics may only be called where the CPU has them"
)]
#![expect(
    clippy::inline_always,
    reason = "must be compiled with the instruction set of its caller"
)]

use std::arch::x86_64::{
    __m256i, _mm256_andnot_si256, _mm256_loadu_si256, _mm256_or_si256, _mm256_permute2x128_si256,
    _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_slli_epi64,
    _mm256_srli_epi64, _mm256_storeu_si256, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};

use super::last_words;
use crate::lanes::{Lanes, RATE, State};
use crate::permutation;

/// Proof that the CPU has AVX2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// Messages that are hashed in parallel.
    pub(crate) const LANES: usize = 4;

    /// Returns the token, if the CPU and the operating system support AVX2.
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

#[target_feature(enable = "avx2")]
fn absorb(token: Avx2, state: &mut State<{ Avx2::LANES }>, runs: [&[[u8; RATE]]; Avx2::LANES]) {
    permutation::absorb(token, state, runs);
}

impl Lanes<{ Avx2::LANES }> for Avx2 {
    type Word = __m256i;
    type Effect = __m256i;

    fn absorb(self, state: &mut State<{ Self::LANES }>, runs: [&[[u8; RATE]]; Self::LANES]) {
        // SAFETY: `self` exists only where the CPU has AVX2.
        unsafe { absorb(self, state, runs) }
    }

    #[inline(always)]
    fn splat(self, word: u64) -> __m256i {
        // SAFETY: the token proves that the CPU has AVX2.
        unsafe { _mm256_set1_epi64x(word.cast_signed()) }
    }

    #[inline(always)]
    fn pack(self, words: [u64; 4]) -> __m256i {
        // SAFETY: the token proves that the CPU has AVX2, and an array of four words has the 32 bytes that are read.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn unpack(self, words: __m256i) -> [u64; 4] {
        let mut array = [0; 4];
        // SAFETY: as in `pack`, for the 32 bytes that are written.
        unsafe { _mm256_storeu_si256(array.as_mut_ptr().cast(), words) };
        array
    }

    #[inline(always)]
    fn load(self, blocks: [&[u8; RATE]; 4]) -> [__m256i; 9] {
        let half = |half: usize| {
            let rows = blocks.map(|block| {
                let row: &[u8; 32] = &block.as_chunks().0[half];
                // SAFETY: the token proves that the CPU has AVX2, and a row has the 32 bytes that are read.
                unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
            });
            // SAFETY: the token proves that the CPU has AVX2.
            unsafe { transpose(rows) }
        };
        let ([w0, w1, w2, w3], [w4, w5, w6, w7]) = (half(0), half(1));
        let w8 = self.pack(last_words(blocks));
        [w0, w1, w2, w3, w4, w5, w6, w7, w8]
    }

    #[inline(always)]
    fn xor(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves that the CPU has AVX2.
        unsafe { _mm256_xor_si256(a, b) }
    }

    #[inline(always)]
    fn xor5(self, words: [__m256i; 5]) -> __m256i {
        let first = self.xor(words[0], words[1]);
        let second = self.xor(words[2], words[3]);
        self.xor(self.xor(first, second), words[4])
    }

    #[inline(always)]
    fn effect(self, left: __m256i, right: __m256i) -> __m256i {
        // SAFETY: the token proves that the CPU has AVX2.
        self.xor(left, unsafe { rotate::<1, 63>(right) })
    }

    #[inline(always)]
    fn add(self, word: __m256i, effect: __m256i) -> __m256i {
        self.xor(word, effect)
    }

    #[inline(always)]
    fn add_and_rotate<const LEFT: i32, const RIGHT: i32>(
        self,
        word: __m256i,
        effect: __m256i,
    ) -> __m256i {
        // SAFETY: the token proves that the CPU has AVX2.
        unsafe { rotate::<LEFT, RIGHT>(self.xor(word, effect)) }
    }

    #[inline(always)]
    fn chi(self, a: __m256i, b: __m256i, c: __m256i) -> __m256i {
        // SAFETY: the token proves that the CPU has AVX2.
        self.xor(a, unsafe { _mm256_andnot_si256(b, c) })
    }
}

/// Rotates words. AVX2 has no rotation: this takes two shifts and an or, or a single shuffle for whole bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn rotate<const LEFT: i32, const RIGHT: i32>(word: __m256i) -> __m256i {
    match LEFT {
        8 => {
            let order = _mm256_setr_epi8(
                7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10, 11, 12, 13, 14, 7, 0, 1, 2, 3, 4, 5, 6, 15,
                8, 9, 10, 11, 12, 13, 14,
            );
            _mm256_shuffle_epi8(word, order)
        }
        56 => {
            let order = _mm256_setr_epi8(
                1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8, 1, 2, 3, 4, 5, 6, 7, 0, 9,
                10, 11, 12, 13, 14, 15, 8,
            );
            _mm256_shuffle_epi8(word, order)
        }
        _ => _mm256_or_si256(
            _mm256_slli_epi64::<LEFT>(word),
            _mm256_srli_epi64::<RIGHT>(word),
        ),
    }
}

/// Transposes four rows of four words.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(rows: [__m256i; 4]) -> [__m256i; 4] {
    // Words 0 and 2, or 1 and 3, of two rows.
    let first_even = _mm256_unpacklo_epi64(rows[0], rows[1]);
    let first_odd = _mm256_unpackhi_epi64(rows[0], rows[1]);
    let last_even = _mm256_unpacklo_epi64(rows[2], rows[3]);
    let last_odd = _mm256_unpackhi_epi64(rows[2], rows[3]);
    // One word of all four rows: the lower halves, then the upper ones.
    [
        _mm256_permute2x128_si256::<0x20>(first_even, last_even),
        _mm256_permute2x128_si256::<0x20>(first_odd, last_odd),
        _mm256_permute2x128_si256::<0x31>(first_even, last_even),
        _mm256_permute2x128_si256::<0x31>(first_odd, last_odd),
    ]
}
