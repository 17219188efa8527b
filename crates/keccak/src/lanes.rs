//! Several Keccak states in parallel, and the operations of an instruction set on them.

/// Bytes of a message that a state of SHA3-512 absorbs between two permutations.
pub(crate) const RATE: usize = 72;

/// `N` states of Keccak-f\[1600\]. Index x + 5y holds the words that FIPS 202 calls lane (x, y), one per state.
pub(crate) type State<const N: usize> = [[u64; N]; 25];

/// Arithmetic on `N` Keccak states in parallel.
///
/// The implementing value is a zero-sized token. It proves that the CPU has the instructions, because only detection creates one. So the
/// operations are safe to call.
///
/// All of them except [`absorb`](Self::absorb) are marked `#[inline(always)]`: they must be inlined into a function with the right
/// `#[target_feature]`, or each of them would be a call.
pub(crate) trait Lanes<const N: usize>: Copy {
    /// Words at one index of `N` states, 64 bits each.
    type Word: Copy;

    /// Value that theta adds to all five words of a column.
    type Effect: Copy;

    /// Calls [`permutation::absorb`](crate::permutation::absorb) in a function that is compiled for the instruction set.
    fn absorb(self, state: &mut State<N>, runs: [&[[u8; RATE]]; N]);

    /// Returns `word` in each lane.
    fn splat(self, word: u64) -> Self::Word;

    /// Packs one word per lane.
    fn pack(self, words: [u64; N]) -> Self::Word;

    /// Returns the word of each lane.
    fn unpack(self, words: Self::Word) -> [u64; N];

    /// Loads the nine little-endian words of one block per lane: `load(blocks)[i]` has word `i` of every block.
    fn load(self, blocks: [&[u8; RATE]; N]) -> [Self::Word; RATE / 8];

    /// `a ^ b`
    fn xor(self, a: Self::Word, b: Self::Word) -> Self::Word;

    /// `a ^ b ^ c ^ d ^ e`
    fn xor5(self, words: [Self::Word; 5]) -> Self::Word;

    /// `left ^ rotate_left(right, 1)`: the value that theta adds to a column, from the parities of its two neighbours.
    fn effect(self, left: Self::Word, right: Self::Word) -> Self::Effect;

    /// `word ^ effect`
    fn add(self, word: Self::Word, effect: Self::Effect) -> Self::Word;

    /// `rotate_left(word ^ effect, LEFT)`, where `RIGHT` is `64 - LEFT` and neither is 0.
    fn add_and_rotate<const LEFT: i32, const RIGHT: i32>(
        self,
        word: Self::Word,
        effect: Self::Effect,
    ) -> Self::Word;

    /// `a ^ (!b & c)`
    fn chi(self, a: Self::Word, b: Self::Word, c: Self::Word) -> Self::Word;
}
