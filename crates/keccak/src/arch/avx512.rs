//! x86-64 with AVX-512F: eight states, the words at one index of all of them in one register.

#![expect(
    unsafe_code,
    reason = "intrinsics may only be called where the CPU has them"
)]
#![expect(
    clippy::inline_always,
    reason = "must be compiled with the instruction set of its caller"
)]

use std::arch::x86_64::{
    __m512i, _mm512_loadu_si512, _mm512_permutex2var_epi64, _mm512_rol_epi64, _mm512_set1_epi64,
    _mm512_setr_epi64, _mm512_shuffle_i64x2, _mm512_storeu_si512, _mm512_ternarylogic_epi64,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::last_words;
use crate::lanes::{Lanes, RATE, State};
use crate::permutation;

/// Proof that the CPU has AVX-512F.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// Messages that are hashed in parallel.
    pub(crate) const LANES: usize = 8;

    /// Returns the token, if the CPU and the operating system support AVX-512F.
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx512f").then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f")]
fn absorb(
    token: Avx512,
    state: &mut State<{ Avx512::LANES }>,
    runs: [&[[u8; RATE]]; Avx512::LANES],
) {
    permutation::absorb(token, state, runs);
}

/// Truth table of `a ^ b ^ c` for vpternlogq.
const XOR3: i32 = 0x96;

/// Truth table of `a ^ (!b & c)` for vpternlogq.
const CHI: i32 = 0xd2;

impl Lanes<{ Avx512::LANES }> for Avx512 {
    type Word = __m512i;
    /// Parities of both neighbours, the second rotated: adding three words is as fast as adding two.
    type Effect = (__m512i, __m512i);

    fn absorb(self, state: &mut State<{ Self::LANES }>, runs: [&[[u8; RATE]]; Self::LANES]) {
        // SAFETY: `self` exists only where the CPU has AVX-512F.
        unsafe { absorb(self, state, runs) }
    }

    #[inline(always)]
    fn splat(self, word: u64) -> __m512i {
        // SAFETY: the token proves that the CPU has AVX-512F.
        unsafe { _mm512_set1_epi64(word.cast_signed()) }
    }

    #[inline(always)]
    fn pack(self, words: [u64; 8]) -> __m512i {
        // SAFETY: the token proves that the CPU has AVX-512F, and an array of eight words has the 64 bytes that are read.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn unpack(self, words: __m512i) -> [u64; 8] {
        let mut array = [0; 8];
        // SAFETY: as in `pack`, for the 64 bytes that are written.
        unsafe { _mm512_storeu_si512(array.as_mut_ptr().cast(), words) };
        array
    }

    #[inline(always)]
    fn load(self, blocks: [&[u8; RATE]; 8]) -> [__m512i; 9] {
        let rows = blocks.map(|block| {
            // SAFETY: the token proves that the CPU has AVX-512F, and a block is longer than the 64 bytes that are read.
            unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
        });
        // SAFETY: the token proves that the CPU has AVX-512F.
        let [w0, w1, w2, w3, w4, w5, w6, w7] = unsafe { transpose(&rows) };
        let w8 = self.pack(last_words(blocks));
        [w0, w1, w2, w3, w4, w5, w6, w7, w8]
    }

    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves that the CPU has AVX-512F.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    fn xor5(self, words: [__m512i; 5]) -> __m512i {
        let first = xor3(self, words[0], words[1], words[2]);
        xor3(self, first, words[3], words[4])
    }

    #[inline(always)]
    fn effect(self, left: __m512i, right: __m512i) -> (__m512i, __m512i) {
        // SAFETY: the token proves that the CPU has AVX-512F.
        (left, unsafe { _mm512_rol_epi64::<1>(right) })
    }

    #[inline(always)]
    fn add(self, word: __m512i, (left, right): (__m512i, __m512i)) -> __m512i {
        xor3(self, word, left, right)
    }

    #[inline(always)]
    fn add_and_rotate<const LEFT: i32, const RIGHT: i32>(
        self,
        word: __m512i,
        effect: (__m512i, __m512i),
    ) -> __m512i {
        // SAFETY: the token proves that the CPU has AVX-512F.
        unsafe { _mm512_rol_epi64::<LEFT>(self.add(word, effect)) }
    }

    #[inline(always)]
    fn chi(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        // SAFETY: the token proves that the CPU has AVX-512F.
        unsafe { _mm512_ternarylogic_epi64::<CHI>(a, b, c) }
    }
}

/// Returns `a ^ b ^ c`.
#[inline(always)]
fn xor3(_: Avx512, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    // SAFETY: the token proves that the CPU has AVX-512F.
    unsafe { _mm512_ternarylogic_epi64::<XOR3>(a, b, c) }
}

/// Transposes eight rows of eight words.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: &[__m512i; 8]) -> [__m512i; 8] {
    // Words 0, 2, 4, 6 (or 1, 3, 5, 7) of two rows, a pair of each.
    let even = |row: usize| _mm512_unpacklo_epi64(rows[row], rows[row + 1]);
    let odd = |row: usize| _mm512_unpackhi_epi64(rows[row], rows[row + 1]);
    // Words 0 and 4, or 2 and 6 (or those after them), of four rows, a half of each.
    let outer = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    let inner = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    let halves = |order, first, last| _mm512_permutex2var_epi64(first, order, last);
    // One word of all eight rows: the lower halves, or the upper ones.
    let lower = |first, last| _mm512_shuffle_i64x2::<0x44>(first, last);
    let upper = |first, last| _mm512_shuffle_i64x2::<0xee>(first, last);

    let even04 = [
        halves(outer, even(0), even(2)),
        halves(outer, even(4), even(6)),
    ];
    let even26 = [
        halves(inner, even(0), even(2)),
        halves(inner, even(4), even(6)),
    ];
    let odd15 = [halves(outer, odd(0), odd(2)), halves(outer, odd(4), odd(6))];
    let odd37 = [halves(inner, odd(0), odd(2)), halves(inner, odd(4), odd(6))];
    [
        lower(even04[0], even04[1]),
        lower(odd15[0], odd15[1]),
        lower(even26[0], even26[1]),
        lower(odd37[0], odd37[1]),
        upper(even04[0], even04[1]),
        upper(odd15[0], odd15[1]),
        upper(even26[0], even26[1]),
        upper(odd37[0], odd37[1]),
    ]
}
