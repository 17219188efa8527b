//! Response files of the NIST Cryptographic Algorithm Validation Program for implementations that hash whole bytes.

use blockcopy_keccak::Digest;

use crate::hex::{digest_from_hex, from_hex};
use crate::kernels::{assert_digests, digests, kernels};

/// Returns the lines `name = value` of a response file, without comments and sections.
fn values(file: &'static str) -> Vec<(&'static str, &'static str)> {
    file.lines()
        .filter(|line| !line.starts_with(['#', '[']))
        .filter_map(|line| line.split_once(" = "))
        .collect()
}

/// Returns the messages of a response file and their digests.
fn messages(file: &'static str) -> Vec<(Vec<u8>, Digest)> {
    values(file)
        .chunks(3)
        .map(|record| {
            let [("Len", bits), ("Msg", message), ("MD", digest)] = record else {
                panic!("not a message and its digest: {record:?}");
            };
            let bits: usize = bits.parse().expect("a length in bits");
            let mut message = from_hex(message);
            // The file contains one byte for the empty message.
            message.truncate(bits / 8);
            assert_eq!(message.len() * 8, bits);
            (message, digest_from_hex(digest))
        })
        .collect()
}

#[test]
fn short_messages() {
    let expected = messages(include_str!("../data/SHA3_512ShortMsg.rsp"));
    assert_eq!(expected.len(), 73, "each length from 0 to 72 bytes");
    assert_digests(&expected);
}

#[test]
#[cfg_attr(miri, ignore = "long messages take Miri hours")]
fn long_messages() {
    let expected = messages(include_str!("../data/SHA3_512LongMsg.rsp"));
    assert_eq!(expected.len(), 100, "lengths from 145 to 7372 bytes");
    assert_digests(&expected);
}

/// Each digest is the next message, and every thousandth is published. All lanes compute the same.
#[test]
#[cfg_attr(miri, ignore = "100,000 messages take Miri hours")]
fn monte_carlo() {
    let values = values(include_str!("../data/SHA3_512Monte.rsp"));
    let Some((("Seed", seed), records)) = values.split_first() else {
        panic!("begins with the seed");
    };
    assert_eq!(records.len(), 2 * 100);
    for &sha3 in kernels() {
        let mut lanes = vec![digest_from_hex(seed); sha3.lanes()];
        for record in records.chunks(2) {
            let [("COUNT", count), ("MD", expected)] = record else {
                panic!("not a digest and its number: {record:?}");
            };
            for _ in 0..1000 {
                let messages: Vec<&[u8]> = lanes.iter().map(Digest::as_slice).collect();
                lanes = digests(sha3, &messages);
            }
            let expected = vec![digest_from_hex(expected); sha3.lanes()];
            assert_eq!(lanes, expected, "{}, COUNT = {count}", sha3.simd());
        }
    }
}
