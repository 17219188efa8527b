//! Blocks of zeros, of which a disk has many, and whose digest is always the same.

use std::sync::{Mutex, PoisonError};

use crate::digest::{Algorithm, Digests, Hasher};

/// How many digests are remembered. A stream has blocks of one length as a rule, and a short one at its end.
const REMEMBERED: usize = 8;

/// Bytes that are looked at together: some vectors of any instruction set.
const STEP: usize = 128;

/// Whether `data` is all zeros.
///
/// Data that is not differs near its beginning nearly always, so the question costs nothing then.
pub(crate) fn is_zero(data: &[u8]) -> bool {
    let (steps, rest) = data.as_chunks::<STEP>();
    let any = |bytes: &[u8]| bytes.iter().fold(0, |any, byte| any | byte);
    steps.iter().all(|step| any(step) == 0) && any(rest) == 0
}

/// The digests of blocks of zeros, remembered by algorithm and length.
#[derive(Debug, Default)]
pub(crate) struct ZeroDigests(Mutex<Vec<(Algorithm, usize, Vec<u8>)>>);

impl ZeroDigests {
    /// The digest of `len` zeros.
    pub(crate) fn get(&self, hash: Hasher, algorithm: Algorithm, len: usize) -> Vec<u8> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., digest)) = known.iter().find(|(a, l, _)| (*a, *l) == (algorithm, len)) {
            return digest.clone();
        }
        let Digests { bytes, .. } = hash.digest_many(algorithm, &[&vec![0; len]]);
        if known.len() == REMEMBERED {
            known.remove(0);
        }
        known.push((algorithm, len, bytes.clone()));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_anywhere_is_not_zero() {
        for len in [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP + 7] {
            let mut data = vec![0; len];
            assert!(is_zero(&data));
            for at in 0..len {
                data[at] = 0x80 >> (at % 8);
                assert!(!is_zero(&data), "{at} of {len}");
                data[at] = 0;
            }
        }
    }
}
