//! Replies, and what is wrong with some of them.

use blockcopy_nbd::{Answer, Error, Extent, Failure, Pending, Want, receive};
use proptest::prelude::*;

use crate::server::bytes;

const DONE: u16 = 1;

/// Chunk of the structured reply to the first request.
fn chunk(flags: u16, kind: u16, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap();
    bytes(&[
        &0x668e_33ef_u32.to_be_bytes(),
        &flags.to_be_bytes(),
        &kind.to_be_bytes(),
        &1_u64.to_be_bytes(),
        &len.to_be_bytes(),
        payload,
    ])
}

fn data(flags: u16, offset: u64, content: &[u8]) -> Vec<u8> {
    chunk(flags, 1, &bytes(&[&offset.to_be_bytes(), content]))
}

fn hole(flags: u16, offset: u64, len: u32) -> Vec<u8> {
    chunk(
        flags,
        2,
        &bytes(&[&offset.to_be_bytes(), &len.to_be_bytes()]),
    )
}

fn status(flags: u16, context: u32, extents: &[(u32, u32)]) -> Vec<u8> {
    let extents: Vec<u8> = extents
        .iter()
        .flat_map(|(len, kind)| [len.to_be_bytes(), kind.to_be_bytes()].concat())
        .collect();
    chunk(flags, 5, &bytes(&[&context.to_be_bytes(), &extents]))
}

fn error(flags: u16, number: u32, message: &[u8]) -> Vec<u8> {
    let len = u16::try_from(message.len()).unwrap();
    chunk(
        flags,
        0x8001,
        &bytes(&[&number.to_be_bytes(), &len.to_be_bytes(), message]),
    )
}

fn simple(error: u32, cookie: u64, payload: &[u8]) -> Vec<u8> {
    bytes(&[
        &0x6744_6698_u32.to_be_bytes(),
        &error.to_be_bytes(),
        &cookie.to_be_bytes(),
        payload,
    ])
}

/// Receives all that `said` has, as the reply to one request.
fn received(structured: bool, want: Want, said: &[u8]) -> Result<Answer, String> {
    let pending = Pending::default();
    let (_, ticket) = pending.add(want).unwrap();
    let mut rest = said;
    while !rest.is_empty() {
        if let Err(failure) = receive(&mut rest, structured, &pending) {
            return Err(match failure {
                Failure::Server(error) => error.to_string(),
                Failure::Stream(error) => format!("{:?}", error.kind()),
            });
        }
    }
    drop(pending);
    let answer = ticket.wait().unwrap_or_else(|| panic!("no answer"));
    answer.map_err(|error| error.to_string())
}

const TEN: Want = Want::Data {
    offset: 100,
    len: 10,
};
const STATUS: Want = Want::Status {
    len: 100,
    context: 3,
};

#[test]
fn a_read_is_put_together_from_its_chunks() {
    let pieces = bytes(&[
        &data(0, 105, b"fgh"),
        &hole(0, 102, 3),
        &data(0, 100, b"ab"),
        &data(DONE, 108, b"ij"),
    ]);
    let expected = Answer::Data(b"ab\0\0\0fghij".to_vec());
    assert_eq!(received(true, TEN, &pieces), Ok(expected.clone()));
    let done_later = bytes(&[&data(0, 100, b"ab\0\0\0fghij"), &chunk(DONE, 0, &[])]);
    assert_eq!(received(true, TEN, &done_later), Ok(expected.clone()));
    let whole = simple(0, 1, b"ab\0\0\0fghij");
    assert_eq!(received(false, TEN, &whole), Ok(expected));
}

#[test]
fn extents_are_joined_and_cut_off_at_the_end() {
    let said = status(DONE, 3, &[(10, 1), (20, 2), (30, 2), (40, 0)]);
    let extents = |all: &[(u64, u32)]| {
        let extents = all.iter().map(|&(len, flags)| Extent { len, flags });
        Ok(Answer::Status(extents.collect()))
    };
    assert_eq!(
        received(true, STATUS, &said),
        extents(&[(10, 1), (50, 2), (40, 0)])
    );
    // The last one may reach beyond the range.
    let said = status(DONE, 3, &[(10, 0), (4_000_000_000, 2)]);
    assert_eq!(received(true, STATUS, &said), extents(&[(10, 0), (90, 2)]));
    // Nor does it matter what lies after it.
    let said = status(DONE, 3, &[(10, 0), (90, 2), (50, 2), (1, 0)]);
    assert_eq!(received(true, STATUS, &said), extents(&[(10, 0), (90, 2)]));
    let said = status(DONE, 3, &[(100, 2), (0, 0)]);
    assert!(received(true, STATUS, &said).is_err());
}

#[test]
fn flags_that_are_not_understood_make_nothing_zero_or_clean() {
    let kind = |flags| {
        let extent = Extent { len: 1, flags };
        (extent.is_zero(), extent.is_dirty())
    };
    assert_eq!(kind(0), (false, Some(false)));
    // A hole alone need not read as zeros.
    assert_eq!(kind(1), (false, Some(true)));
    assert_eq!(kind(2), (true, None));
    assert_eq!(kind(3), (true, None));
    assert_eq!(kind(4), (false, None));
}

#[test]
fn a_reply_without_an_end_is_refused() {
    let said = error(0, 5, b"").repeat((1 << 17) + 1);
    let refusal = received(true, TEN, &said).unwrap_err();
    assert!(refusal.contains("too many chunks"), "{refusal}");
}

#[test]
fn errors_are_reported_after_the_last_chunk() {
    let said = bytes(&[
        &data(0, 100, b"abc"),
        &error(0, 5, b"bad sector"),
        &chunk(DONE, 0, &[]),
    ]);
    assert_eq!(received(true, TEN, &said), Err(Error::Reply(5).to_string()));
    let said = bytes(&[&error(0, 28, b""), &error(DONE, 5, b"")]);
    assert_eq!(
        received(true, Want::Success, &said),
        Err(Error::Reply(28).to_string())
    );
    assert_eq!(
        received(true, Want::Success, &simple(5, 1, b"")),
        Err(Error::Reply(5).to_string())
    );
    // Only the reply to a read must be structured.
    assert_eq!(
        received(true, STATUS, &simple(22, 1, b"")),
        Err(Error::Reply(22).to_string())
    );
}

#[test]
fn each_fault_of_a_reply_is_named() {
    for (structured, want, said, fault) in [
        (false, TEN, data(DONE, 100, b"abcdefghij"), "not asked for"),
        (true, TEN, vec![0; 16], "magic number"),
        (true, TEN, simple(0, 1, b"abcdefghij"), "a simple reply"),
        (true, TEN, simple(5, 1, b""), "a simple reply"),
        (true, STATUS, simple(0, 1, b""), "without a block status"),
        (true, Want::Success, simple(0, 2, b""), "no request"),
        (
            false,
            Want::Success,
            bytes(&[&simple(0, 1, b""), &simple(0, 1, b"")]),
            "no request",
        ),
        (false, STATUS, simple(0, 1, b""), "a simple reply"),
        (
            true,
            TEN,
            data(DONE, 100, b"abc"),
            "without some of the data",
        ),
        (true, TEN, chunk(DONE, 0, &[]), "without some of the data"),
        (
            true,
            TEN,
            bytes(&[&data(0, 100, b"abcdef"), &data(DONE, 105, b"fghij")]),
            "twice",
        ),
        (
            true,
            TEN,
            bytes(&[&data(0, 100, b"abcdef"), &hole(DONE, 100, 10)]),
            "twice",
        ),
        (true, TEN, data(DONE, 99, b"abcdefghij"), "outside"),
        (true, TEN, data(DONE, 101, b"abcdefghij"), "outside"),
        (true, TEN, data(DONE, u64::MAX, b"abcdefghij"), "outside"),
        (true, TEN, hole(DONE, 100, u32::MAX), "outside"),
        (true, TEN, hole(DONE, 100, 0), "without data"),
        (true, TEN, data(DONE, 100, b""), "without data"),
        (true, TEN, chunk(DONE, 1, &[0; 7]), "too short"),
        (true, TEN, chunk(DONE, 2, &[0; 13]), "than 12"),
        (true, TEN, chunk(0, 0, &[]), "without a type"),
        (true, TEN, chunk(DONE, 0, &[1]), "without a type"),
        (true, TEN, chunk(DONE, 3, &[]), "unknown type"),
        (true, Want::Success, data(DONE, 0, b"a"), "not asked for"),
        (
            true,
            Want::Success,
            status(DONE, 3, &[(1, 0)]),
            "not asked for",
        ),
        (true, STATUS, chunk(DONE, 0, &[]), "without a block status"),
        (
            true,
            STATUS,
            status(DONE, 4, &[(100, 0)]),
            "another metadata context",
        ),
        (true, STATUS, status(DONE, 3, &[]), "impossible length"),
        (true, STATUS, chunk(DONE, 5, &[0; 11]), "impossible length"),
        (true, STATUS, status(DONE, 3, &[(0, 0)]), "0 bytes"),
        (
            true,
            STATUS,
            bytes(&[&status(0, 3, &[(9, 0)]), &status(DONE, 3, &[(9, 0)])]),
            "two block statuses",
        ),
        (true, TEN, chunk(DONE, 0x8001, &[0; 5]), "impossible length"),
        (
            true,
            TEN,
            chunk(DONE, 0x8001, &[0; 9000]),
            "impossible length",
        ),
        (true, TEN, error(DONE, 0, b""), "without an error"),
        (
            true,
            TEN,
            chunk(DONE, 0x8001, &[0, 0, 0, 5, 0, 1]),
            "without an error",
        ),
        (
            true,
            TEN,
            data(DONE, 100, b"abcdefghij")[..30].to_vec(),
            "UnexpectedEof",
        ),
    ] {
        let found = received(structured, want, &said).unwrap_err();
        assert!(found.contains(fault), "{found} instead of {fault}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_in_any_order_make_the_same_data(
        content in prop::collection::vec(any::<u8>(), 1..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        order in any::<u64>(),
    ) {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(content.len())).collect();
        ends.extend([0, content.len()]);
        ends.sort_unstable();
        ends.dedup();
        let mut parts: Vec<(usize, usize)> = ends.windows(2).map(|ends| (ends[0], ends[1])).collect();
        parts.sort_by_key(|&(start, _)| (start as u64 + 1).wrapping_mul(order));
        let said: Vec<u8> = parts.iter().flat_map(|&(start, end)| data(0, start as u64, &content[start..end])).collect();
        let want = Want::Data { offset: 0, len: u32::try_from(content.len()).unwrap() };
        let said = bytes(&[&said, &chunk(DONE, 0, &[])]);
        prop_assert_eq!(received(true, want, &said), Ok(Answer::Data(content)));
    }
}
