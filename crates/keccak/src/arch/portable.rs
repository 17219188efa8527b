//! Every CPU: one message after the other, by the `sha3` crate.

use sha3::Digest as _;

use super::Kernel;
use crate::Digest;

pub(crate) static KERNEL: Kernel = Kernel {
    name: "portable",
    lanes: 1,
    digest_many,
};

fn digest_many(messages: &[&[u8]], digests: &mut [Digest]) {
    for (message, digest) in messages.iter().zip(digests) {
        *digest = sha3::Sha3_512::digest(message).into();
    }
}
