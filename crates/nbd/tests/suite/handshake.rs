//! Handshakes that fail.

use std::io::{self, Read, Write};

use blockcopy_nbd::{Context, Error, Export, Failure, Uri, negotiate};
use proptest::prelude::*;

use crate::server::{Server, bytes, greeting, info, negotiation, option_reply};

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

fn negotiated(said: &[u8]) -> Result<Export, String> {
    negotiated_as("nbd://host/disk", said)
}

fn negotiated_as(uri: &str, said: &[u8]) -> Result<Export, String> {
    let uri = Uri::parse(uri.as_bytes()).unwrap();
    negotiate(&mut Script(said), &uri, &Context::Allocation).map_err(|failure| match failure {
        Failure::Server(error) => error.to_string(),
        Failure::Stream(error) => format!("{:?}", error.kind()),
    })
}

#[test]
fn a_server_that_demands_tls_is_answered_with_the_scheme_to_write() {
    let said = after_greeting(&[&option_reply(7, (1 << 31) + 5, &[])]);
    for (uri, advice) in [
        ("nbd://host/disk", "write nbds:// instead of nbd://"),
        (
            "nbd+unix:///disk?socket=/run/x",
            "write nbds+unix:// instead of nbd+unix://, and add &tls-hostname=NAME",
        ),
    ] {
        let refusal = negotiated_as(uri, &said).unwrap_err();
        assert!(refusal.contains(advice), "{uri}: {refusal}");
    }
}

const NO_STRUCTURE: [u8; 0] = [];

/// Words of a server that has refused structured replies.
fn after_greeting(replies: &[&[u8]]) -> Vec<u8> {
    let refusal = option_reply(8, (1 << 31) + 1, &NO_STRUCTURE);
    bytes(&[&greeting(), &refusal, &replies.concat()])
}

#[test]
fn a_correct_handshake_names_size_and_flags() {
    let export = negotiated(&negotiation(true, 1000, 4)).unwrap();
    assert_eq!(
        (export.size, export.flags, export.structured),
        (1000, 4, true)
    );
    assert_eq!(export.context, None);
    assert_eq!(export.blocks.minimum, 1);
}

#[test]
fn block_sizes_and_the_metadata_context_are_taken_in() {
    let sizes = [
        &[0, 3][..],
        &512_u32.to_be_bytes(),
        &4096_u32.to_be_bytes(),
        &(1_u32 << 20).to_be_bytes(),
    ];
    let context = bytes(&[&7_u32.to_be_bytes(), b"base:allocation"]);
    let said = bytes(&[
        &greeting(),
        &option_reply(8, 1, &[]),
        &option_reply(10, 4, &context),
        &option_reply(10, 1, &[]),
        &info(1 << 20, 4),
        &option_reply(7, 3, &sizes.concat()),
        &option_reply(7, 3, &[0, 9, 1, 2, 3]),
        &option_reply(7, 1, &[]),
    ]);
    let export = negotiated(&said).unwrap();
    assert_eq!(export.context, Some(7));
    assert_eq!(
        (export.blocks.minimum, export.blocks.maximum),
        (512, 1 << 20)
    );
}

#[test]
fn each_fault_is_named() {
    let ack = option_reply(7, 1, &[]);
    let many = option_reply(7, 3, &[0, 9]).repeat(200);
    let mut huge = option_reply(7, 3, &[]);
    let length = huge.len() - 4;
    huge[length..].copy_from_slice(&u32::MAX.to_be_bytes());
    let odd = bytes(&[
        &[0, 3],
        &512_u32.to_be_bytes(),
        &512_u32.to_be_bytes(),
        &4096_u32.to_be_bytes(),
    ]);
    let tiny = bytes(&[&[0, 3], &[0, 0, 0, 1].repeat(3)]);
    let context = |data: &[u8]| {
        bytes(&[
            &greeting(),
            &option_reply(8, 1, &[]),
            &option_reply(10, 4, data),
        ])
    };
    for (said, fault) in [
        (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), "is no NBD server"),
        (
            bytes(&[b"NBDMAGIC", &0x0000_4202_8186_1253_u64.to_be_bytes()]),
            "oldstyle",
        ),
        (bytes(&[b"NBDMAGIC", b"IHAVEOPX"]), "unknown handshake"),
        (bytes(&[b"NBDMAGICIHAVEOPT", &[0, 2]]), "fixed newstyle"),
        (after_greeting(&[&ack]), "how large"),
        (after_greeting(&[&info(u64::MAX, 0), &ack]), "is more than"),
        (
            after_greeting(&[&info(1000, 0), &option_reply(7, 3, &odd), &ack]),
            "its end cannot be reached",
        ),
        (after_greeting(&[&option_reply(7, 3, &[0])]), "too short"),
        (
            after_greeting(&[&option_reply(7, 3, &[0, 0, 1])]),
            "wrong length",
        ),
        (
            after_greeting(&[&option_reply(7, 3, &[0, 3, 1])]),
            "wrong length",
        ),
        (
            after_greeting(&[&option_reply(
                7,
                3,
                &[0, 3, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 3],
            )]),
            "impossible block sizes",
        ),
        (after_greeting(&[&option_reply(8, 1, &[])]), "was not sent"),
        (
            after_greeting(&[&option_reply(7, 99, &[])]),
            "unknown reply",
        ),
        (after_greeting(&[&[0; 20]]), "magic number"),
        (after_greeting(&[&huge]), "too long"),
        (after_greeting(&[&many]), "too many replies"),
        (
            after_greeting(&[&option_reply(7, (1 << 31) + 6, b"gone\nnow")]),
            "no export disk: gone?now",
        ),
        (
            after_greeting(&[&option_reply(7, (1 << 31) + 1, b"")]),
            "NBD_OPT_GO",
        ),
        (
            after_greeting(&[&info(1000, 0), &option_reply(7, 3, &tiny), &ack]),
            "its maximum block size of 1 bytes is less than 4096",
        ),
        (
            context(b"\0\0\0\0base:other"),
            "context that was not asked for",
        ),
        (context(b"\0\0\0\0"), "context that was not asked for"),
        (context(b"\0\0\0"), "a metadata context that is too short"),
        (context(b""), "a metadata context that is too short"),
        (after_greeting(&[&info(1000, 0)]), "UnexpectedEof"),
    ] {
        let found = negotiated(&said).unwrap_err();
        assert!(found.contains(fault), "{found} instead of {fault}");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    for said in [Vec::new(), greeting()] {
        let server = Server::start(said, |served| {
            std::thread::sleep(std::time::Duration::from_secs(20));
            drop(served);
        });
        assert_eq!(server.connect().unwrap_err(), Error::Silent { seconds: 0 });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any change of a correct handshake ends in an export or an error, never in a panic.
    #[test]
    fn changed_handshakes_end(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
        let mut said = negotiation(true, 1 << 20, 4);
        for (at, byte) in changes {
            let at = at.index(said.len());
            said[at] = byte;
        }
        if let Ok(export) = negotiated(&said) {
            prop_assert!(export.size.is_multiple_of(u64::from(export.blocks.minimum)));
        }
    }
}
