//! Digests of blocks, and of digests.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

/// Digest algorithm.
#[napi(string_enum)]
#[derive(Clone, Copy)]
pub enum DigestAlgorithm {
    /// SHA3-512: 64 bytes.
    #[napi(value = "sha3-512")]
    Sha3_512,
    /// BLAKE3: 32 bytes.
    #[napi(value = "blake3")]
    Blake3,
}

impl From<DigestAlgorithm> for blockcopy_engine::Algorithm {
    fn from(algorithm: DigestAlgorithm) -> Self {
        match algorithm {
            DigestAlgorithm::Sha3_512 => Self::Sha3_512,
            DigestAlgorithm::Blake3 => Self::Blake3,
        }
    }
}

/// SHA3-512 of bytes that are added one after the other, for root digests.
#[napi]
#[derive(Default)]
pub struct RootHash {
    inner: blockcopy_engine::Incremental,
}

#[napi]
impl RootHash {
    /// Begins without bytes.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    #[napi]
    pub fn add(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// Returns the digest of all bytes so far, 64 bytes.
    #[napi]
    pub fn digest(&self) -> Uint8Array {
        self.inner.digest().to_vec().into()
    }
}

/// Digests by one algorithm.
#[napi(object)]
pub struct Digests {
    /// The algorithm.
    pub algorithm: DigestAlgorithm,
    /// All of them, one after the other.
    pub bytes: Uint8Array,
}

impl From<Digests> for blockcopy_engine::Digests {
    fn from(digests: Digests) -> Self {
        to_digests(digests.algorithm, &digests.bytes)
    }
}

pub(crate) fn to_digests(
    algorithm: DigestAlgorithm,
    bytes: &Uint8Array,
) -> blockcopy_engine::Digests {
    blockcopy_engine::Digests {
        algorithm: algorithm.into(),
        bytes: bytes.to_vec(),
    }
}
