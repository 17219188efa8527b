//! What a caller may rely on, whatever the kernel.

use blockcopy_keccak::{DIGEST_LEN, Digest, Sha3_512};
use proptest::prelude::*;
use sha3::Digest as _;

/// Contents and lengths around the rate of SHA3-512 (72 bytes), where padding differs, and a few rates beyond.
fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let length = prop_oneof![Just(0), Just(71), Just(72), Just(73), 0..1000_usize];
    let message = length.prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    prop::collection::vec(message, 0..20)
}

/// Equal blocks, as the engine hands over: the case in which a kernel keeps all its lanes busy.
fn blocks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    (0..20_usize, 0..1000_usize).prop_flat_map(|(count, length)| {
        prop::collection::vec(prop::collection::vec(any::<u8>(), length), count)
    })
}

proptest! {
    #[test]
    fn equals_one_message_at_a_time(messages in prop_oneof![messages(), blocks()]) {
        let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let mut digests = vec![[0xee; DIGEST_LEN]; slices.len()];
        Sha3_512::new().digest_many(&slices, &mut digests);
        let expected: Vec<Digest> = slices.iter().map(|message| sha3::Sha3_512::digest(message).into()).collect();
        prop_assert_eq!(digests, expected);
    }
}

#[test]
#[should_panic(expected = "one digest per message: 2 messages, 3 digests")]
fn refuses_slices_of_different_length() {
    Sha3_512::new().digest_many(&[b"one", b"two"], &mut [[0; DIGEST_LEN]; 3]);
}

#[test]
fn names_the_portable_kernel() {
    let sha3 = Sha3_512::new();
    assert_eq!((sha3.kernel(), sha3.lanes()), ("portable", 1));
}

#[test]
fn is_shared_between_threads() {
    fn shared<T: Copy + Send + Sync + 'static>(_: T) {}
    shared(Sha3_512::new());
}
