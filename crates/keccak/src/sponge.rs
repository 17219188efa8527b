//! SHA3-512 as a sponge (FIPS 202, sections 4 and 6.1) over several messages in parallel.

use std::array::from_fn;
use std::slice::from_ref;

use crate::arch::portable::Portable;
use crate::lanes::{Lanes, RATE, State};
use crate::{DIGEST_LEN, Digest};

/// Part of a message that is not yet absorbed.
#[derive(Clone, Copy)]
pub(crate) struct Rest<'a> {
    pub(crate) blocks: &'a [[u8; RATE]],
    /// Last bytes, fewer than a block; padding completes them.
    pub(crate) tail: &'a [u8],
}

impl<'a> Rest<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        let (blocks, tail) = message.as_chunks();
        Self { blocks, tail }
    }

    /// Returns the tail with the padding of SHA-3: the bits 01 for SHA-3, then 1, zeros, 1 (FIPS 202, B.2).
    fn padded(&self) -> [u8; RATE] {
        let mut block = [0; RATE];
        block[..self.tail.len()].copy_from_slice(self.tail);
        block[self.tail.len()] = 0x06;
        block[RATE - 1] |= 0x80;
        block
    }
}

/// Message in a lane.
#[derive(Clone, Copy)]
struct Job<'a> {
    /// Index of the message.
    index: usize,
    rest: Rest<'a>,
}

/// Writes the digest of each message to the same index of `digests`, `N` messages in parallel.
///
/// A lane that finishes a message takes the next one at once. So messages of different lengths keep all lanes busy until fewer messages
/// than lanes remain.
pub(crate) fn digest_many<const N: usize>(
    lanes: impl Lanes<N>,
    messages: &[&[u8]],
    digests: &mut [Digest],
) {
    let mut waiting = messages.iter().enumerate();
    let mut state: State<N> = [[0; N]; 25];
    let mut jobs: [Option<Job<'_>>; N] = [None; N];
    loop {
        for (lane, idle) in jobs.iter_mut().enumerate().filter(|(_, job)| job.is_none()) {
            let Some((index, message)) = waiting.next() else {
                break;
            };
            let rest = Rest::of(message);
            *idle = Some(Job { index, rest });
            for words in &mut state {
                words[lane] = 0;
            }
        }

        let mut busy = (0..N).filter_map(|lane| jobs[lane].map(|job| (lane, job)));
        let Some((lane, job)) = busy.next() else {
            return;
        };
        if N > 1 && busy.next().is_none() {
            // A single remaining state is permuted faster alone.
            digests[job.index] = finish(state.map(|words| [words[lane]]), job.rest);
            return;
        }

        // Idle lanes repeat the work of a busy one, and the result is ignored.
        let rests = jobs.map(|other| other.unwrap_or(job).rest);
        let common = rests
            .iter()
            .map(|rest| rest.blocks.len())
            .min()
            .unwrap_or(0);
        lanes.absorb(&mut state, rests.map(|rest| &rest.blocks[..common]));

        // At least one lane has reached its tail; the others absorb an ordinary block.
        let tails = rests.map(|rest| rest.padded());
        let next = |lane: usize| rests[lane].blocks.get(common);
        lanes.absorb(
            &mut state,
            from_fn(|lane| from_ref(next(lane).unwrap_or(&tails[lane]))),
        );
        for (lane, slot) in jobs.iter_mut().enumerate() {
            let Some(job) = slot else {
                continue;
            };
            if next(lane).is_some() {
                job.rest.blocks = &job.rest.blocks[common + 1..];
            } else {
                digests[job.index] = squeeze(&state, lane);
                *slot = None;
            }
        }
    }
}

/// Absorbs the rest of a message whose beginning is in `state`, and returns its digest.
pub(crate) fn finish(mut state: State<1>, rest: Rest<'_>) -> Digest {
    Portable.absorb(&mut state, [rest.blocks]);
    Portable.absorb(&mut state, [&[rest.padded()]]);
    squeeze(&state, 0)
}

/// Returns the digest of a lane: the first words of its state.
fn squeeze<const N: usize>(state: &State<N>, lane: usize) -> Digest {
    let mut digest = [0; DIGEST_LEN];
    for (bytes, words) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = words[lane].to_le_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use sha3::Digest as _;

    use super::*;

    /// Tests lanes of every width without an instruction set, so that the scheduling of lanes runs on every CPU and in Miri.
    fn assert_width<const N: usize>() {
        let content: Vec<u8> = (0..2000_u32).map(|at| at.to_le_bytes()[0] ^ 0x5a).collect();
        let lengths = [
            1, 144, 0, 72, 73, 71, 2000, 143, 500, 0, 72, 72, 72, 1, 999, 2, 600,
        ];
        // Miri takes a second for each permutation of a few states.
        let counts = if cfg!(miri) { 6..=6 } else { 0..=lengths.len() };
        for count in counts {
            let messages: Vec<&[u8]> = lengths[..count]
                .iter()
                .map(|&len| &content[..len])
                .collect();
            let mut digests = vec![[0; DIGEST_LEN]; count];
            digest_many::<N>(Portable, &messages, &mut digests);
            let expected: Vec<Digest> = messages
                .iter()
                .map(|message| sha3::Sha3_512::digest(message).into())
                .collect();
            assert_eq!(digests, expected, "{count} messages in {N} lanes");
        }
    }

    #[test]
    fn messages_of_many_lengths_in_lanes_of_any_width() {
        assert_width::<2>();
        assert_width::<4>();
        if !cfg!(miri) {
            assert_width::<1>();
            assert_width::<3>();
            assert_width::<8>();
        }
    }
}
