//! Guessing from samples if compression can make a block smaller. Trying to compress encrypted or compressed data costs far more
//! than sampling it.

use lz4_flex::block::get_maximum_output_size;

use super::lz4;

/// Shorter blocks are always compressed: sampling would save little.
const MIN_LEN: usize = 16 * 1024;

/// Number of samples, spread evenly over the block.
const PLACES: usize = 16;

/// Length of a sample in bytes.
const SAMPLE: usize = 256;

/// Length of all samples in bytes.
const SAMPLES: usize = PLACES * SAMPLE;

/// Length in bytes of LZ4 output for samples without any match: a token, the length of the literals and the literals themselves.
const WITHOUT_MATCHES: usize = 1 + (SAMPLES - 15) / 255 + 1 + SAMPLES;

/// Properties of data that a codec makes use of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exploits {
    /// Repeated sequences.
    Matches,
    /// Repeated sequences, and bytes that are more frequent than others: it has an entropy coder.
    MatchesAndFrequencies,
}

/// Returns true if a codec may make `block` smaller, judged by samples.
pub(super) fn may_shrink(block: &[u8], exploits: Exploits) -> bool {
    if block.len() < MIN_LEN {
        return true;
    }
    let samples = samples(block);
    // The cheaper question first.
    (exploits == Exploits::MatchesAndFrequencies && is_skewed(&samples)) || has_matches(&samples)
}

fn samples(block: &[u8]) -> [u8; SAMPLES] {
    let mut samples = [0; SAMPLES];
    let last = block.len() - SAMPLE;
    for (place, sample) in samples.chunks_exact_mut(SAMPLE).enumerate() {
        let start = place * last / (PLACES - 1);
        sample.copy_from_slice(&block[start..start + SAMPLE]);
    }
    samples
}

/// Returns true if pairs of bytes are equal at least 1/32 more often than in noise.
///
/// For noise that is six standard deviations off. The order-0 entropy of bytes whose pairs are equal less often
/// than that is above 7.97 bits, so an entropy coder alone saves less than 0.3 % of them.
fn is_skewed(samples: &[u8; SAMPLES]) -> bool {
    const NOISE: u64 = (SAMPLES * (SAMPLES - 1) / 256) as u64;
    // Several tables, because an increment waits for the previous one of the same byte.
    let mut counts = [[0_u16; 256]; 4];
    for bytes in samples.as_chunks::<4>().0 {
        for (count, &byte) in counts.iter_mut().zip(bytes) {
            count[usize::from(byte)] += 1;
        }
    }
    let equal: u64 = (0..256)
        .map(|byte| counts.iter().map(|count| u64::from(count[byte])).sum())
        .map(|count: u64| count * count.saturating_sub(1))
        .sum();
    equal > NOISE + NOISE / 32
}

fn has_matches(samples: &[u8; SAMPLES]) -> bool {
    let mut payload = [0; get_maximum_output_size(SAMPLES)];
    lz4::encode_into(samples, &mut payload).is_none_or(|length| length < WITHOUT_MATCHES)
}

#[cfg(test)]
mod tests {
    use super::Exploits::{Matches, MatchesAndFrequencies};
    use super::*;

    /// Bytes that have nothing in common.
    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn noise_does_not_shrink() {
        // Two 4-byte sequences of noise may be equal by chance, so a few pass.
        let told = (0..200)
            .filter(|&seed| !may_shrink(&noise(131_072, seed), MatchesAndFrequencies))
            .count();
        assert!(told >= 195, "{told} of 200");
        assert!(
            may_shrink(&noise(MIN_LEN - 1, 1), MatchesAndFrequencies),
            "a short one is tried"
        );
        assert!(!may_shrink(&noise(MIN_LEN, 1), MatchesAndFrequencies));
    }

    #[test]
    fn structured_blocks_may_shrink() {
        let text: Vec<u8> = b"block, extent, offset, hole\n".repeat(5000);
        let ramp: Vec<u8> = (0..=255).cycle().take(131_072).collect();
        for (block, what) in [(&text, "text"), (&ramp, "a ramp")] {
            assert!(
                may_shrink(block, MatchesAndFrequencies) && may_shrink(block, Matches),
                "{what}"
            );
        }
        // Without matches, but in 6 bits.
        let letters: Vec<u8> = noise(131_072, 1)
            .iter()
            .map(|byte| b'0' + byte % 64)
            .collect();
        assert!(may_shrink(&letters, MatchesAndFrequencies));
        // Text in any eighth of the block is enough.
        for eighth in 0..8 {
            let mut block = noise(131_072, 3);
            block[eighth * 16_384..][..16_384].copy_from_slice(&text[..16_384]);
            assert!(may_shrink(&block, MatchesAndFrequencies), "{eighth}");
        }
    }
}
