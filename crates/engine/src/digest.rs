//! Digest algorithms, and the digests of blocks.

use blockcopy_keccak::DIGEST_LEN;

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
