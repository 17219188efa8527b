//! Keccak-f\[1600\] (FIPS 202, section 3.3), written once for any number of parallel states.

#![expect(
    clippy::inline_always,
    reason = "must be compiled with the instruction set of its caller"
)]

use std::array::from_fn;
use std::hint::black_box;

use crate::lanes::{Lanes, RATE, State};

/// Constants that iota adds to lane (0, 0), one for each of the 24 rounds (FIPS 202, algorithm 5).
static ROUND_CONSTANTS: [u64; 24] = round_constants();

/// Aligns the stack frame that contains it. The compiler does not align spilled vectors, and those that straddle two cache lines cost
/// AVX2 a tenth of its speed.
#[repr(align(64))]
struct CacheLine(#[expect(dead_code, reason = "only its place matters")] [u8; 64]);

/// Absorbs the blocks of each run into its state, one after the other, and permutes all states after each. All runs must have the same
/// number of blocks.
#[inline(always)]
pub(crate) fn absorb<const N: usize, L: Lanes<N>>(
    lanes: L,
    state: &mut State<N>,
    runs: [&[[u8; RATE]]; N],
) {
    black_box(&mut CacheLine([0; 64]));
    let mut words = state.map(|words| lanes.pack(words));
    for block in 0..runs[0].len() {
        let blocks = lanes.load(runs.map(|run| &run[block]));
        for (word, new) in words.iter_mut().zip(blocks) {
            *word = lanes.xor(*word, new);
        }
        for &constant in &ROUND_CONSTANTS {
            words = round(lanes, &words, constant);
        }
    }
    *state = words.map(|words| lanes.unpack(words));
}

/// Performs one round: theta, rho, pi, chi, iota.
///
/// Rho and pi need no separate steps: pi only permutes indices at compile time, and the rotation of rho is combined with the addition of
/// theta. So each row of the result comes from the five words that pi brings together.
#[inline(always)]
fn round<const N: usize, L: Lanes<N>>(lanes: L, a: &[L::Word; 25], constant: u64) -> [L::Word; 25] {
    let d = effects(lanes, a);

    // The word (x, y) after theta and rho, given as x, y and its rotation.
    macro_rules! moved {
        ($x:literal, $y:literal, $left:literal) => {
            lanes.add_and_rotate::<$left, { 64 - $left }>(a[$x + 5 * $y], d[$x])
        };
    }
    let row = |words: [L::Word; 5]| chi(lanes, words);

    let mut rows = [
        row([
            lanes.add(a[0], d[0]),
            moved!(1, 1, 44),
            moved!(2, 2, 43),
            moved!(3, 3, 21),
            moved!(4, 4, 14),
        ]),
        row([
            moved!(3, 0, 28),
            moved!(4, 1, 20),
            moved!(0, 2, 3),
            moved!(1, 3, 45),
            moved!(2, 4, 61),
        ]),
        row([
            moved!(1, 0, 1),
            moved!(2, 1, 6),
            moved!(3, 2, 25),
            moved!(4, 3, 8),
            moved!(0, 4, 18),
        ]),
        row([
            moved!(4, 0, 27),
            moved!(0, 1, 36),
            moved!(1, 2, 10),
            moved!(2, 3, 15),
            moved!(3, 4, 56),
        ]),
        row([
            moved!(2, 0, 62),
            moved!(3, 1, 55),
            moved!(4, 2, 39),
            moved!(0, 3, 41),
            moved!(1, 4, 2),
        ]),
    ];
    rows[0][0] = lanes.xor(rows[0][0], lanes.splat(constant));
    from_fn(|at| rows[at / 5][at % 5])
}

/// Computes what theta adds to the words of each column.
#[inline(always)]
fn effects<const N: usize, L: Lanes<N>>(lanes: L, a: &[L::Word; 25]) -> [L::Effect; 5] {
    let column = |x: usize| lanes.xor5([a[x], a[x + 5], a[x + 10], a[x + 15], a[x + 20]]);
    let c = [column(0), column(1), column(2), column(3), column(4)];
    [
        lanes.effect(c[4], c[1]),
        lanes.effect(c[0], c[2]),
        lanes.effect(c[1], c[3]),
        lanes.effect(c[2], c[4]),
        lanes.effect(c[3], c[0]),
    ]
}

/// Performs chi on one row.
#[inline(always)]
fn chi<const N: usize, L: Lanes<N>>(lanes: L, b: [L::Word; 5]) -> [L::Word; 5] {
    [
        lanes.chi(b[0], b[1], b[2]),
        lanes.chi(b[1], b[2], b[3]),
        lanes.chi(b[2], b[3], b[4]),
        lanes.chi(b[3], b[4], b[0]),
        lanes.chi(b[4], b[0], b[1]),
    ]
}

/// Computes the constants by their definition, a linear feedback shift register, so that none can be mistyped.
const fn round_constants() -> [u64; 24] {
    let mut constants = [0; 24];
    let mut register: u8 = 1;
    let mut round = 0;
    while round < 24 {
        let mut bit = 0;
        while bit <= 6 {
            if register & 1 == 1 {
                constants[round] |= 1 << ((1 << bit) - 1);
            }
            let carry = register >> 7;
            register = (register << 1) ^ (carry * 0x71);
            bit += 1;
        }
        round += 1;
    }
    constants
}
