//! Kernels of this CPU, and checking a known digest with each of them.

use std::io::Write as _;
use std::sync::LazyLock;

use blockcopy_keccak::{DIGEST_LEN, Digest, Sha3_512, Simd};

/// Returns each kernel of this CPU. The first call prints the missing ones.
pub(crate) fn kernels() -> &'static [Sha3_512] {
    static KERNELS: LazyLock<Vec<Sha3_512>> = LazyLock::new(|| {
        let mut kernels = Vec::new();
        for simd in Simd::ALL {
            match Sha3_512::with(simd) {
                Some(sha3) => kernels.push(sha3),
                // Not eprintln!, which is captured and dropped when the test passes.
                None => writeln!(
                    std::io::stderr(),
                    "SKIPPED ({simd}): this CPU or target lacks it"
                )
                .expect("stderr is open"),
            }
        }
        kernels
    });
    &KERNELS
}

/// Returns the digests of one call, after checking that it wrote nothing else.
pub(crate) fn digests(sha3: Sha3_512, messages: &[&[u8]]) -> Vec<Digest> {
    const UNTOUCHED: Digest = [0xee; DIGEST_LEN];
    let mut digests = vec![UNTOUCHED; messages.len() + 2];
    sha3.digest_many(messages, &mut digests[1..=messages.len()]);
    let outside = [digests.remove(0), digests.remove(messages.len())];
    assert_eq!(outside, [UNTOUCHED; 2], "{}", sha3.simd());
    digests
}

/// Checks known digests with every kernel, with the message in every lane. Miri, which is slow, takes a sample.
pub(crate) fn assert_digests(expected: &[(Vec<u8>, Digest)]) {
    let sample = if cfg!(miri) { 10 } else { usize::MAX };
    let aligned: Vec<Known> = expected
        .iter()
        .step_by(expected.len().div_ceil(sample))
        .map(|(message, digest)| (message.as_slice(), *digest))
        .collect();
    let odd: Vec<OddlyAligned> = aligned.iter().enumerate().map(OddlyAligned::new).collect();
    let odd: Vec<Known> = odd
        .iter()
        .map(|message| (message.bytes(), message.digest))
        .collect();
    let reversed: Vec<Known> = aligned.iter().rev().copied().collect();
    for &sha3 in kernels() {
        assert_call(sha3, "all in one call", &aligned);
        assert_call(sha3, "the last one first", &reversed);
        assert_call(sha3, "from odd addresses", &odd);
        for known in &aligned {
            assert_call(sha3, "alone", &[*known]);
            assert_call(sha3, "in every lane", &vec![*known; sha3.lanes()]);
        }
    }
}

/// Message and its digest.
type Known<'message> = (&'message [u8], Digest);

fn assert_call(sha3: Sha3_512, how: &str, expected: &[Known]) {
    let messages: Vec<&[u8]> = expected.iter().map(|(message, _)| *message).collect();
    for ((message, expected), digest) in expected.iter().zip(digests(sha3, &messages)) {
        assert_eq!(
            digest,
            *expected,
            "{}, message of {} bytes, {how}",
            sha3.simd(),
            message.len()
        );
    }
}

/// Copy of a message at an odd address: 1, 3, 5 or 7 modulo 8 in turn if the allocator aligns to 8.
struct OddlyAligned {
    room: Vec<u8>,
    begin: usize,
    digest: Digest,
}

impl OddlyAligned {
    fn new((index, (message, digest)): (usize, &Known)) -> Self {
        let mut room = vec![0; message.len() + 8];
        let begin = index % 4 * 2 + usize::from(room.as_ptr().addr().is_multiple_of(2));
        room[begin..begin + message.len()].copy_from_slice(message);
        let digest = *digest;
        room.truncate(begin + message.len());
        Self {
            room,
            begin,
            digest,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.room[self.begin..]
    }
}
