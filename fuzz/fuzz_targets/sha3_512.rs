//! Every kernel of this CPU gives the digests of the `sha3` crate, for any messages in one call.
//!
//! The messages are slices of the same bytes: of any length and alignment, overlapping, repeated, empty, and often up to
//! the very last byte, after which the address sanitizer sees every read.

#![no_main]

use arbitrary::Arbitrary;
use blockcopy_keccak::{DIGEST_LEN, Digest, Sha3_512, Simd};
use libfuzzer_sys::fuzz_target;
use sha3::Digest as _;

/// More messages than any kernel has lanes, several times over.
const MOST_MESSAGES: usize = 40;

/// What the fuzzer's bytes stand for. The contents come last: they are all bytes that are left.
#[derive(Arbitrary, Debug)]
struct Call<'bytes> {
    messages: Vec<Slice>,
    contents: &'bytes [u8],
}

/// A message, as a part of the contents.
#[derive(Arbitrary, Debug)]
struct Slice {
    /// Counted on from the first byte again when beyond the end.
    begin: u16,
    /// In bytes; cut off at the end.
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
