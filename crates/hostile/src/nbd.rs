//! Handshakes and replies of an NBD server, and the URIs of exports.

use std::io::{self, Read, Write};

use blockcopy_nbd::{
    Address, Answer, Context, Error, MAX_PAYLOAD, Pending, Ticket, Uri, Want, negotiate, receive,
};

/// Requests that wait for the replies.
const WANTS: [Want; 4] = [
    Want::Data {
        offset: 100,
        len: 40,
    },
    Want::Status {
        len: 1000,
        context: 1,
    },
    Want::Success,
    Want::Data {
        offset: 0,
        len: 65_536,
    },
];

/// Server that has said everything beforehand.
struct Script<'a>(&'a [u8]);

impl Read for Script<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Script<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the bytes as a handshake, as replies, or as a URI: the first byte decides.
pub(crate) fn talk(bytes: &[u8]) {
    match bytes.split_first() {
        Some((0, rest)) => handshake(rest),
        Some((1, rest)) => replies(rest, false),
        Some((2, rest)) => replies(rest, true),
        Some((_, rest)) => uri(rest),
        None => {}
    }
}

fn handshake(bytes: &[u8]) {
    let Ok(uri) = Uri::parse(b"nbd://host/disk") else {
        return;
    };
    let Ok(export) = negotiate(&mut Script(bytes), &uri, &Context::Allocation) else {
        return;
    };
    let blocks = export.blocks;
    assert!(blocks.minimum.is_power_of_two() && blocks.minimum <= 65_536);
    assert!(blocks.maximum.is_multiple_of(blocks.minimum));
    assert!((blocks.minimum..=MAX_PAYLOAD).contains(&blocks.maximum));
    assert!(export.size.is_multiple_of(blocks.minimum.into()));
    assert!(export.size < 1 << 53);
}

fn replies(bytes: &[u8], structured: bool) {
    let pending = Pending::default();
    let tickets: Vec<Ticket> = WANTS
        .iter()
        .map(|&want| pending.add(want).expect("an open connection").1)
        .collect();
    let mut rest = bytes;
    while receive(&mut rest, structured, &pending).is_ok() {}
    // Gives up the requests that have no answer.
    drop(pending);
    for (want, ticket) in WANTS.iter().zip(tickets) {
        match (want, ticket.wait()) {
            (Want::Data { len, .. }, Some(Ok(Answer::Data(data)))) => {
                assert_eq!(data.len(), *len as usize);
            }
            (Want::Status { len, .. }, Some(Ok(Answer::Status(extents)))) => {
                let total: u64 = extents.iter().map(|extent| extent.len).sum();
                assert!(total > 0 && total <= u64::from(*len));
                assert!(extents.iter().all(|extent| extent.len > 0));
                let alternate = extents
                    .windows(2)
                    .all(|pair| pair[0].flags != pair[1].flags);
                assert!(alternate, "extents that could be one");
            }
            (Want::Success, Some(Ok(Answer::Success))) | (_, None) => {}
            (_, Some(Err(Error::Reply(number)))) => assert_ne!(number, 0),
            (want, answer) => panic!("{answer:?} to {want:?}"),
        }
    }
}

fn uri(bytes: &[u8]) {
    let Ok(Uri {
        address, export, ..
    }) = Uri::parse(bytes)
    else {
        return;
    };
    assert!(!export.contains('\0') && export.len() <= 4096);
    if let Address::Tcp { host, port } = address {
        assert!(port > 0 && !host.is_empty());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        assert!(host.bytes().all(is_plain), "{host:?} is looked up");
    }
}
