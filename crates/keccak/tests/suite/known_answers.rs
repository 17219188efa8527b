//! Digests from other sources: the Keccak team, examples of NIST, and OpenSSL for lengths close to the rate and to whole blocks.

use crate::hex::{digest_from_hex, from_hex};
use crate::kernels::assert_digests;

/// Returns the two columns of each line of a data file, without the header.
fn columns(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("two columns"))
}

#[test]
fn short_messages_of_the_keccak_team() {
    let expected: Vec<_> = columns(include_str!("../data/sha3-512-short.txt"))
        .map(|(message, digest)| (from_hex(message.trim_matches('-')), digest_from_hex(digest)))
        .collect();
    assert_eq!(
        expected.len(),
        256,
        "one message of each length from 0 to 255 bytes"
    );
    assert_digests(&expected);
}

#[test]
#[cfg_attr(miri, ignore = "long messages take Miri hours")]
fn lengths_around_the_rate_and_the_block_size() {
    let expected: Vec<_> = columns(include_str!("../data/sha3-512-ramp.txt"))
        .map(|(length, digest)| {
            let length = length.parse().expect("a length in bytes");
            let ramp = std::iter::successors(Some(3_u8), |byte| Some(byte.wrapping_add(7)));
            let message = ramp.take(length).collect();
            (message, digest_from_hex(digest))
        })
        .collect();
    assert_eq!(expected.len(), 17);
    assert_digests(&expected);
}

#[test]
fn published_examples_of_nist() {
    let examples: [(&[u8], &str); 5] = [
        (
            b"",
            "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6\
             15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26",
        ),
        (
            b"abc",
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
             10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        ),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "04a371e84ecfb5b8b77cb48610fca8182dd457ce6f326a0fd3d7ec2f1e91636d\
             ee691fbe0c985302ba1b0d8dc78c086346b533b49c030d99a27daf1139d6e75e",
        ),
        (
            b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
              hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "afebb2ef542e6579c50cad06d2e578f9f8dd6881d7dc824d26360feebf18a4fa\
             73e3261122948efcfd492e74e82e2189ed0fb440d187f382270cb455f21dd185",
        ),
        (
            &[0xa3; 200],
            "e76dfad22084a8b1467fcf2ffa58361bec7628edf5f3fdc0e4805dc48caeeca8\
             1b7c13c30adf52a3659584739a2df46be589c51ca1a4a8416df6545a1ce8ba00",
        ),
    ];
    assert_digests(&examples.map(|(message, digest)| (message.to_vec(), digest_from_hex(digest))));
}

#[test]
#[cfg_attr(miri, ignore = "long messages take Miri hours")]
fn a_million_times_the_letter_a() {
    let digest = "3c3a876da14034ab60627c077bb98f7e120a2a5370212dffb3385a18d4f38859\
                  ed311d0a9d5141ce9cc5c66ee689b266a8aa18ace8282a0e0db596c90b0a7b87";
    assert_digests(&[(b"a".repeat(1_000_000), digest_from_hex(digest))]);
}
