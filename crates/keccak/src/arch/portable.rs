//! Every CPU: the words of all states in arrays, for one lane a single word each.

#![expect(
    clippy::inline_always,
    reason = "the permutation is one loop without calls"
)]

use std::array::from_fn;

use crate::lanes::{Lanes, RATE, State};
use crate::permutation;

/// Token for every CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

/// Any number of lanes: one in production, more to test code for several lanes on every CPU.
impl<const N: usize> Lanes<N> for Portable {
    type Word = [u64; N];
    type Effect = [u64; N];

    fn absorb(self, state: &mut State<N>, runs: [&[[u8; RATE]]; N]) {
        permutation::absorb(self, state, runs);
    }

    #[inline(always)]
    fn splat(self, word: u64) -> [u64; N] {
        [word; N]
    }

    #[inline(always)]
    fn pack(self, words: [u64; N]) -> [u64; N] {
        words
    }

    #[inline(always)]
    fn unpack(self, words: [u64; N]) -> [u64; N] {
        words
    }

    #[inline(always)]
    fn load(self, blocks: [&[u8; RATE]; N]) -> [[u64; N]; RATE / 8] {
        let words = blocks.map(|block| block.as_chunks().0);
        from_fn(|word| from_fn(|lane| u64::from_le_bytes(words[lane][word])))
    }

    #[inline(always)]
    fn xor(self, a: [u64; N], b: [u64; N]) -> [u64; N] {
        from_fn(|lane| a[lane] ^ b[lane])
    }

    #[inline(always)]
    fn xor5(self, words: [[u64; N]; 5]) -> [u64; N] {
        from_fn(|lane| words.iter().fold(0, |sum, word| sum ^ word[lane]))
    }

    #[inline(always)]
    fn effect(self, left: [u64; N], right: [u64; N]) -> [u64; N] {
        from_fn(|lane| left[lane] ^ right[lane].rotate_left(1))
    }

    #[inline(always)]
    fn add(self, word: [u64; N], effect: [u64; N]) -> [u64; N] {
        self.xor(word, effect)
    }

    #[inline(always)]
    fn add_and_rotate<const LEFT: i32, const RIGHT: i32>(
        self,
        word: [u64; N],
        effect: [u64; N],
    ) -> [u64; N] {
        from_fn(|lane| (word[lane] ^ effect[lane]).rotate_left(const { LEFT.cast_unsigned() }))
    }

    #[inline(always)]
    fn chi(self, a: [u64; N], b: [u64; N], c: [u64; N]) -> [u64; N] {
        from_fn(|lane| a[lane] ^ (!b[lane] & c[lane]))
    }
}
