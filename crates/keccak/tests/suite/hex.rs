//! Parsing hexadecimal digits of the data files.

use blockcopy_keccak::Digest;

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "odd number of hex digits");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits"))
        .collect()
}

pub(crate) fn digest_from_hex(hex: &str) -> Digest {
    from_hex(hex).try_into().expect("64 bytes")
}
