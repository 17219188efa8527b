//! Digest algorithms, and the digests of blocks.

use blockcopy_keccak::DIGEST_LEN;

/// Digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA3-512 (FIPS 202): 64 bytes. The only one of blockcopy 0.0.2.
    Sha3_512,
    /// BLAKE3 without a key: 32 bytes.
    Blake3,
}

impl Algorithm {
    /// Returns the length of a digest in bytes.
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
    /// Their algorithm.
    pub algorithm: Algorithm,
    /// All of them, `algorithm.digest_len()` bytes each.
    pub bytes: Vec<u8>,
}

impl Digests {
    /// Returns the number of digests, or `None` if the last one is incomplete.
    pub(crate) fn count(&self) -> Option<usize> {
        let len = self.algorithm.digest_len();
        self.bytes
            .len()
            .is_multiple_of(len)
            .then_some(self.bytes.len() / len)
    }

    /// Returns the digest of block `index`.
    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let len = self.algorithm.digest_len();
        &self.bytes[index * len..][..len]
    }
}
