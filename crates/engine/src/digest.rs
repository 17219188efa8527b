//! The digests of blocks, by one algorithm or the other.

use blockcopy_keccak::{DIGEST_LEN, Sha3_512, Simd};

use crate::Engine;
use crate::zeros::Content;

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA3-512 (FIPS 202): 64 bytes, what blockcopy 0.0.2 speaks.
    Sha3_512,
    /// BLAKE3 without a key: 32 bytes.
    Blake3,
}

impl Algorithm {
    /// Length of a digest in bytes.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha3_512 => DIGEST_LEN,
            Self::Blake3 => blake3::OUT_LEN,
        }
    }
}

/// Digests of blocks, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// By which algorithm, and so how long each is.
    pub algorithm: Algorithm,
    /// All of them, `algorithm.digest_len()` bytes each.
    pub bytes: Vec<u8>,
}

impl Digests {
    /// How many there are, or `None` if the last one is cut off.
    pub(crate) fn count(&self) -> Option<usize> {
        let len = self.algorithm.digest_len();
        self.bytes
            .len()
            .is_multiple_of(len)
            .then_some(self.bytes.len() / len)
    }

    /// The digest of the block `index`.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let len = self.algorithm.digest_len();
        &self.bytes[index * len..][..len]
    }
}

/// Both algorithms, set up for this CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hasher {
    pub(crate) sha3: Sha3_512,
}

impl Hasher {
    /// The digest of each message.
    pub(crate) fn digest_many(self, algorithm: Algorithm, messages: &[&[u8]]) -> Digests {
        let bytes = match algorithm {
            Algorithm::Sha3_512 => {
                let mut digests = vec![[0; DIGEST_LEN]; messages.len()];
                self.sha3.digest_many(messages, &mut digests);
                digests.into_flattened()
            }
            // Its tree hash keeps all lanes of the CPU busy with the parts of a single message.
            Algorithm::Blake3 => messages
                .iter()
                .flat_map(|message| *blake3::hash(message).as_bytes())
                .collect(),
        };
        Digests { algorithm, bytes }
    }
}

impl Engine {
    /// The digest of each message.
    pub(crate) fn digest_many(&self, algorithm: Algorithm, messages: &[Content<'_>]) -> Digests {
        let hashed: Vec<&[u8]> = messages.iter().filter_map(Content::bytes).collect();
        let hashed = self.hash.digest_many(algorithm, &hashed);
        let mut hashed = hashed.bytes.chunks_exact(algorithm.digest_len());
        let mut bytes = Vec::with_capacity(messages.len() * algorithm.digest_len());
        for message in messages {
            match message {
                Content::Bytes(_) => bytes.extend(hashed.next().unwrap_or_default()),
                Content::Zeros(len) => bytes.extend(self.zero_digest(algorithm, *len)),
            }
        }
        Digests { algorithm, bytes }
    }

    /// The digest of a block of `len` zeros, in bytes.
    #[must_use]
    pub fn zero_digest(&self, algorithm: Algorithm, len: usize) -> Vec<u8> {
        self.zeros.get(self.hash, algorithm, len)
    }

    /// How blocks are digested, in words, for the log.
    #[must_use]
    pub fn hashing(&self, algorithm: Algorithm) -> String {
        match algorithm {
            Algorithm::Sha3_512 => {
                let has: Vec<&str> = Simd::ALL
                    .into_iter()
                    .filter(|&simd| Sha3_512::with(simd).is_some())
                    .map(Simd::name)
                    .collect();
                let used = self.hash.sha3.simd();
                format!("SHA3-512 with {used} (this CPU has {})", has.join(", "))
            }
            Algorithm::Blake3 => "BLAKE3".to_owned(),
        }
    }
}
