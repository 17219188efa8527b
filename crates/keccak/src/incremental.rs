//! SHA3-512 of a message that arrives in parts.

use std::slice::from_ref;

use crate::Digest;
use crate::arch::portable::Portable;
use crate::lanes::{Lanes, RATE, State};
use crate::sponge::{Rest, finish};

/// SHA3-512 of one message that arrives in parts of any length.
///
/// It uses the instructions that every CPU has: those of a kernel only pay for several messages in parallel.
///
/// ```
/// use blockcopy_keccak::{DIGEST_LEN, Incremental, Sha3_512};
///
/// let mut hash = Incremental::new();
/// hash.update(b"block");
/// hash.update(b"copy");
/// let mut digests = [[0; DIGEST_LEN]];
/// Sha3_512::new().digest_many(&[b"blockcopy"], &mut digests);
/// assert_eq!(hash.digest(), digests[0]);
/// ```
#[derive(Clone, Debug)]
pub struct Incremental {
    state: State<1>,
    /// The last bytes, fewer than a block; what is after them is left over from earlier blocks.
    tail: [u8; RATE],
    tail_len: usize,
}

impl Incremental {
    /// Begins an empty message.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: [[0]; 25],
            tail: [0; RATE],
            tail_len: 0,
        }
    }

    /// Adds bytes at the end of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        let room = RATE - self.tail_len;
        let rest = if self.tail_len == 0 {
            bytes
        } else if bytes.len() < room {
            return self.keep(bytes);
        } else {
            let (end, rest) = bytes.split_at(room);
            self.keep(end);
            Portable.absorb(&mut self.state, [from_ref(&self.tail)]);
            self.tail_len = 0;
            rest
        };
        let Rest { blocks, tail } = Rest::of(rest);
        Portable.absorb(&mut self.state, [blocks]);
        self.keep(tail);
    }

    /// Returns the digest of the message as it is so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        finish(self.state, Rest::of(&self.tail[..self.tail_len]))
    }

    /// Adds bytes to the tail, which has room for them.
    fn keep(&mut self, bytes: &[u8]) {
        self.tail[self.tail_len..][..bytes.len()].copy_from_slice(bytes);
        self.tail_len += bytes.len();
    }
}

impl Default for Incremental {
    fn default() -> Self {
        Self::new()
    }
}
