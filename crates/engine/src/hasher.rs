//! Digesting blocks by either algorithm.

use std::sync::{Mutex, PoisonError};

use blockcopy_keccak::{DIGEST_LEN, Sha3_512, Simd};

use crate::content::Content;
use crate::digest::{Algorithm, Digests};

/// Number of digests of zeros kept. A stream usually has blocks of one length, and a shorter one at its end.
const REMEMBERED: usize = 8;

/// Both algorithms, set up for this CPU.
#[derive(Debug)]
pub(crate) struct Hasher {
    sha3: Sha3_512,
    /// Digests of blocks of zeros, by algorithm and length in bytes.
    zeros: Mutex<Vec<(Algorithm, usize, Vec<u8>)>>,
}

impl Hasher {
    pub(crate) fn new(sha3: Sha3_512) -> Self {
        Self {
            sha3,
            zeros: Mutex::default(),
        }
    }

    /// Returns the digest of each block.
    pub(crate) fn digest_many(&self, algorithm: Algorithm, blocks: &[Content<'_>]) -> Digests {
        let data: Vec<&[u8]> = blocks.iter().filter_map(Content::bytes).collect();
        let data = self.digest_data(algorithm, &data);
        let mut data = data.chunks_exact(algorithm.digest_len());
        let mut bytes = Vec::with_capacity(blocks.len() * algorithm.digest_len());
        for block in blocks {
            match block {
                Content::Bytes(_) => bytes.extend(data.next().unwrap_or_default()),
                Content::Zeros(len) => bytes.extend(self.zero_digest(algorithm, *len)),
            }
        }
        Digests { algorithm, bytes }
    }

    /// Returns the digest of `len` zeros, computed once.
    pub(crate) fn zero_digest(&self, algorithm: Algorithm, len: usize) -> Vec<u8> {
        let mut known = self.zeros.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., digest)) = known.iter().find(|(a, l, _)| (*a, *l) == (algorithm, len)) {
            return digest.clone();
        }
        let digest = self.digest_data(algorithm, &[&vec![0; len]]);
        if known.len() == REMEMBERED {
            known.remove(0);
        }
        known.push((algorithm, len, digest.clone()));
        digest
    }

    /// Describes the implementation of an algorithm, for the log.
    pub(crate) fn description(&self, algorithm: Algorithm) -> String {
        match algorithm {
            Algorithm::Sha3_512 => {
                let has: Vec<&str> = Simd::ALL
                    .into_iter()
                    .filter(|&simd| Sha3_512::with(simd).is_some())
                    .map(Simd::name)
                    .collect();
                let used = self.sha3.simd();
                format!("SHA3-512 with {used} (this CPU has {})", has.join(", "))
            }
            Algorithm::Blake3 => "BLAKE3".to_owned(),
        }
    }

    /// Returns the digests of `messages`, one after the other.
    fn digest_data(&self, algorithm: Algorithm, messages: &[&[u8]]) -> Vec<u8> {
        match algorithm {
            Algorithm::Sha3_512 => {
                let mut digests = vec![[0; DIGEST_LEN]; messages.len()];
                self.sha3.digest_many(messages, &mut digests);
                digests.into_flattened()
            }
            // BLAKE3 is a tree hash: a single message keeps all lanes of the CPU busy.
            Algorithm::Blake3 => messages
                .iter()
                .flat_map(|message| *blake3::hash(message).as_bytes())
                .collect(),
        }
    }
}
