//! Connections that are accepted, and those that are refused.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use blockcopy_tunnel::{Error, Listener, Ports, PublicKey, Target, connect};

use crate::ends::{LOOPBACK, control, join, key, listen};
use crate::keyless::connect_without_key;

#[test]
fn accepts_the_expected_peer_among_others() {
    let (one, other, stranger) = (key(), key(), key());
    let (listening, _held) = control(0);
    let (port, accepted) = listen(&one, &other, listening);
    // Some say nothing, one speaks another protocol, and one has a key that is not the expected one.
    let silent: Vec<_> = (0..20)
        .map(|_| TcpStream::connect((LOOPBACK, port)).unwrap())
        .collect();
    let mut loud = TcpStream::connect((LOOPBACK, port)).unwrap();
    loud.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let refused = join(&stranger, &one, port, control(0).0).map(|link| link.peer().to_owned());
    assert!(
        matches!(refused, Err(Error::Unreachable { .. })),
        "{refused:?}"
    );
    let (connecting, _kept) = control(0);
    let link = join(&other, &one, port, connecting).unwrap();
    assert!(
        link.peer().starts_with("127.0.0.1 port "),
        "{}",
        link.peer()
    );
    accepted.join().unwrap().unwrap();
    drop(silent);
    TcpStream::connect((LOOPBACK, port)).expect_err("the port is still open");
}

#[test]
fn refuses_a_listener_with_another_key() {
    let (one, other, stranger) = (key(), key(), key());
    let (listening, held) = control(0);
    let (port, accepted) = listen(&stranger, &other, listening);
    let (connecting, _kept) = control(0);
    let refused = join(&other, &one, port, connecting).map(|link| link.peer().to_owned());
    let text = refused.expect_err("it was accepted").to_string();
    let expected = format!("127.0.0.1 port {port}: something without the expected key answered");
    assert!(text.contains(&expected), "{text}");
    drop(held);
    assert!(matches!(accepted.join().unwrap(), Err(Error::Abandoned)));
}

#[test]
fn refuses_the_key_of_an_earlier_connection() {
    let (one, other) = (key(), key());
    let (listening, _held) = control(0);
    let (connecting, _kept) = control(0);
    let (port, accepted) = listen(&one, &other, listening);
    let first = join(&other, &one, port, connecting).unwrap();
    accepted.join().unwrap().unwrap();
    drop(first);

    let (next, expected) = (key(), key());
    let (listening, held) = control(0);
    let (port, accepted) = listen(&next, &expected, listening);
    let refused = join(&other, &next, port, control(0).0).map(|link| link.peer().to_owned());
    assert!(
        matches!(refused, Err(Error::Unreachable { .. })),
        "{refused:?}"
    );
    drop(held);
    assert!(matches!(accepted.join().unwrap(), Err(Error::Abandoned)));
}

#[test]
fn refuses_a_peer_without_a_key() {
    let (one, other) = (key(), key());
    let (listening, held) = control(0);
    let (port, accepted) = listen(&one, &other, listening);
    let refused = connect_without_key(port);
    let text = refused.expect_err("it got something").to_string();
    assert!(text.contains("CertificateRequired"), "{text}");
    drop(held);
    assert!(matches!(accepted.join().unwrap(), Err(Error::Abandoned)));
}

#[test]
fn names_every_address_that_could_not_be_reached() {
    let (own, peer) = (key(), key());
    // Nothing listens there any more.
    let port = TcpListener::bind((LOOPBACK, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let addresses = ["127.0.0.1", "127.0.0.2", "no-such-host.invalid"].map(str::to_owned);
    let target = Target {
        addresses: addresses.to_vec(),
        port,
    };
    let (connecting, _kept) = control(0);
    let failed = connect(&own, peer.public(), &target, connecting).map(|_| ());
    let text = failed.expect_err("it has connected").to_string();
    for part in [
        "127.0.0.1 port ",
        "127.0.0.2 port ",
        "no-such-host.invalid: ",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.to_lowercase().contains("refused"), "{text}");
}

#[test]
fn refuses_a_key_that_is_not_one() {
    let text = key().public().to_string();
    assert_eq!(text.parse::<PublicKey>().unwrap().to_string(), text);
    for wrong in [
        "",
        "zz",
        &text[2..],
        &format!("{text}00"),
        &text.replace(&text[..2], "+3"),
    ] {
        assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
    }
}

#[test]
fn opens_the_first_free_port_of_a_range() {
    let taken = TcpListener::bind((LOOPBACK, 0)).unwrap();
    let from = taken.local_addr().unwrap().port();
    let refused = Listener::open(Some(LOOPBACK), Ports { from, to: from }).map(|door| door.port());
    let text = refused.expect_err("it is open").to_string();
    assert!(text.contains(&format!("127.0.0.1 port {from}")), "{text}");
    let door = Listener::open(
        Some(LOOPBACK),
        Ports {
            from,
            to: from.saturating_add(50),
        },
    );
    assert!(door.unwrap().port() > from);
}
