//! Compares the digests of every kernel of this CPU with those of the `sha3` crate, for any messages in one call.
//!
//! The messages are slices of the same bytes: of any length and alignment, overlapping, repeated, empty, and often up to the last
//! byte, after which the address sanitizer detects every read.

#![no_main]

use arbitrary::Arbitrary;
use blockcopy_keccak::{DIGEST_LEN, Digest, Sha3_512, Simd};
use libfuzzer_sys::fuzz_target;
use sha3::Digest as _;

/// Limit for the number of messages: several times the lanes of any kernel.
const MOST_MESSAGES: usize = 40;

/// Interpretation of the bytes from the fuzzer. The contents come last: they are all remaining bytes.
#[derive(Arbitrary, Debug)]
struct Call<'bytes> {
    messages: Vec<Slice>,
    contents: &'bytes [u8],
}

/// Message, as a part of the contents.
#[derive(Arbitrary, Debug)]
struct Slice {
    /// Offset, modulo the length of the contents.
    begin: u16,
    /// Length in bytes; cut off at the end.
    length: u16,
}

impl Slice {
    fn of<'bytes>(&self, contents: &'bytes [u8]) -> &'bytes [u8] {
        let from_begin = &contents[usize::from(self.begin) % (contents.len() + 1)..];
        &from_begin[..from_begin.len().min(self.length.into())]
    }
}

fuzz_target!(|call: Call<'_>| {
    let messages: Vec<&[u8]> = call
        .messages
        .iter()
        .take(MOST_MESSAGES)
        .map(|slice| slice.of(call.contents))
        .collect();
    let expected: Vec<Digest> = messages
        .iter()
        .map(|message| sha3::Sha3_512::digest(message).into())
        .collect();
    for sha3 in Simd::ALL.into_iter().filter_map(Sha3_512::with) {
        let mut digests = vec![[0xee; DIGEST_LEN]; messages.len()];
        sha3.digest_many(&messages, &mut digests);
        assert_eq!(digests, expected, "{}", sha3.simd());
    }
});
