//! Tunnels between two threads of this process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects by failing"
)]

use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use blockcopy_tunnel::{
    Control, Doorway, Error, Link, OneTimeKey, Ports, PublicKey, Target, Until, connect,
};
use rustix::net::sockopt::set_socket_linger;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Starts to listen on any port; returns the port, and the end of it.
fn listen(
    own: &OneTimeKey,
    peer: &OneTimeKey,
    control: Control,
) -> (u16, JoinHandle<Result<Link, Error>>) {
    let doorway = Doorway::open(Some(LOOPBACK), Ports { from: 0, to: 0 }).unwrap();
    let (port, own, peer) = (doorway.port(), own.clone(), peer.public().clone());
    (
        port,
        thread::spawn(move || doorway.accept(&own, &peer, control)),
    )
}

fn join(own: &OneTimeKey, peer: &OneTimeKey, port: u16, control: Control) -> Result<Link, Error> {
    let addresses = vec![LOOPBACK.to_string()];
    connect(own, peer.public(), &Target { addresses, port }, control)
}

fn key() -> OneTimeKey {
    OneTimeKey::generate().unwrap()
}

/// A control channel, and the end that holds it open.
fn control(epilogue: usize) -> (Control, PipeWriter) {
    let (read, write) = pipe().unwrap();
    (Control::new(OwnedFd::from(read), epilogue).unwrap(), write)
}

/// One end of a tunnel that is being pumped.
struct End {
    input: PipeWriter,
    output: PipeReader,
    pump: JoinHandle<Result<(), Error>>,
    control: PipeWriter,
}

fn start(link: Link, control: PipeWriter) -> End {
    let (from, input) = pipe().unwrap();
    let (output, to) = pipe().unwrap();
    let (done, held) = pipe().unwrap();
    let until = Until {
        done: done.into(),
        awaits_peer: true,
    };
    let pump = thread::spawn(move || {
        let result = link.pump(from.into(), to.into(), until);
        drop(held);
        result
    });
    End {
        input,
        output,
        pump,
        control,
    }
}

/// Two ends that are joined through `between`, which gets the port of the listener and returns the one to connect to.
fn ends(epilogue: usize, between: impl FnOnce(u16) -> u16) -> (End, End) {
    let (one, other) = (key(), key());
    let (listening, held) = control(epilogue);
    let (connecting, kept) = control(0);
    let (port, accepted) = listen(&one, &other, listening);
    let link = join(&other, &one, between(port), connecting).unwrap();
    (
        start(accepted.join().unwrap().unwrap(), held),
        start(link, kept),
    )
}

/// Bytes that do not repeat within a record.
fn content(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn moves_both_streams_at_once_and_ends_them() {
    let (one, other) = ends(0, |port| port);
    let both = [(11_000_003, 1), (9_000_001, 2)].map(|(len, seed)| content(len, seed));
    thread::scope(|scope| {
        for (end, sent, expected) in [(one, &both[0], &both[1]), (other, &both[1], &both[0])] {
            scope.spawn(move || {
                let End {
                    mut input,
                    mut output,
                    pump,
                    control,
                } = end;
                let writer = thread::scope(|inner| {
                    inner.spawn(move || input.write_all(sent).unwrap());
                    let mut received = Vec::new();
                    output.read_to_end(&mut received).unwrap();
                    received
                });
                assert!(writer == *expected, "{} bytes arrived", writer.len());
                pump.join().unwrap().unwrap();
                drop(control);
            });
        }
    });
}

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

/// A relay between two sockets, which changes what goes to the listener.
fn relay(port: u16, change: impl Fn(usize, &mut [u8]) -> bool + Send + 'static) -> u16 {
    let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut near, _) = listener.accept().unwrap();
        let mut far = TcpStream::connect((LOOPBACK, port)).unwrap();
        let (mut back, mut to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        thread::spawn(move || {
            let _ = std::io::copy(&mut back, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let mut bytes = vec![0; 65_536];
        let mut total = 0;
        while let Ok(count) = near.read(&mut bytes) {
            total += count;
            if count == 0
                || !change(total, &mut bytes[..count])
                || far.write_all(&bytes[..count]).is_err()
            {
                break;
            }
        }
        let _ = far.shutdown(Shutdown::Write);
    });
    own
}

/// Sends 4 MB from the end that connects through a relay; returns what has arrived, and the failure of the end that listens.
fn send_through(change: impl Fn(usize, &mut [u8]) -> bool + Send + 'static) -> (Vec<u8>, Error) {
    let (mut listening, mut connecting) = ends(0, |port| relay(port, change));
    let sender = thread::spawn(move || {
        let _ = connecting.input.write_all(&content(4_000_000, 7));
        drop(connecting.input);
        connecting.pump.join().unwrap()
    });
    let mut received = Vec::new();
    listening.output.read_to_end(&mut received).unwrap();
    drop(listening.input);
    let failure = listening
        .pump
        .join()
        .unwrap()
        .expect_err("it has ended well");
    assert!(
        sender.join().unwrap().is_err(),
        "the sender takes that for a success"
    );
    (received, failure)
}

#[test]
fn takes_a_stream_that_was_cut_off_for_a_failure() {
    let (received, failure) = send_through(|total, _| total < 1_000_000);
    assert!(matches!(failure, Error::Cut { .. }), "{failure}");
    assert!(content(4_000_000, 7).starts_with(&received) && received.len() < 1_000_000);
}

#[test]
fn takes_a_stream_that_was_changed_for_a_failure() {
    let (received, failure) = send_through(|total, bytes| {
        if total > 1_000_000 {
            // Not in the header of a record: TLS 1.3 ignores some of its bits.
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        true
    });
    assert!(matches!(failure, Error::Damaged { .. }), "{failure}");
    let sent = content(4_000_000, 7);
    assert!(sent.starts_with(&received), "other bytes arrived");
    assert!(
        received.len() < 1_000_000,
        "{} bytes arrived",
        received.len()
    );
}

#[test]
fn ends_when_the_control_channel_ends() {
    let (mut listening, connecting) = ends(0, |port| port);
    drop(listening.control);
    let mut received = Vec::new();
    listening.output.read_to_end(&mut received).unwrap();
    assert!(matches!(
        listening.pump.join().unwrap(),
        Err(Error::Abandoned)
    ));
    // The other end must not take that for the end of the stream.
    assert!(matches!(
        connecting.pump.join().unwrap(),
        Err(Error::Cut { .. })
    ));
}

#[test]
fn passes_on_what_follows_on_the_control_channel() {
    let (mut listening, mut connecting) = ends(4, |port| port);
    connecting.input.write_all(b"stream").unwrap();
    drop(connecting.input);
    drop(listening.input);
    let mut stream = [0; 6];
    listening.output.read_exact(&mut stream).unwrap();
    listening.control.write_all(b"done").unwrap();
    let mut rest = Vec::new();
    listening.output.read_to_end(&mut rest).unwrap();
    assert_eq!((&stream[..], &rest[..]), (&b"stream"[..], &b"done"[..]));
    listening.pump.join().unwrap().unwrap();
    connecting.pump.join().unwrap().unwrap();
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
    let refused = Doorway::open(Some(LOOPBACK), Ports { from, to: from }).map(|door| door.port());
    let text = refused.expect_err("it is open").to_string();
    assert!(text.contains(&format!("127.0.0.1 port {from}")), "{text}");
    let door = Doorway::open(
        Some(LOOPBACK),
        Ports {
            from,
            to: from.saturating_add(50),
        },
    );
    assert!(door.unwrap().port() > from);
}

#[test]
fn ends_a_stream_that_still_has_a_writer() {
    let (one, other) = (key(), key());
    let ((listening, _held), (connecting, _kept)) = (control(0), control(0));
    let (port, accepted) = listen(&one, &other, listening);
    let link = join(&other, &one, port, connecting).unwrap();
    let mut far = start(accepted.join().unwrap().unwrap(), pipe().unwrap().1);
    let (from, mut input) = pipe().unwrap();
    let (_output, to) = pipe().unwrap();
    let (done, writer) = pipe().unwrap();
    let until = Until {
        done: done.into(),
        awaits_peer: false,
    };
    let pump = thread::spawn(move || link.pump(from.into(), to.into(), until));
    let sent = content(40_000, 3);
    input.write_all(&sent).unwrap();
    drop(writer);
    pump.join().unwrap().unwrap();
    let mut received = Vec::new();
    far.output.read_to_end(&mut received).unwrap();
    assert!(received == sent);
    drop(far.input);
    far.pump.join().unwrap().unwrap();
    drop(input);
}

/// A relay that resets its connection with the listener when it is told to, after it has passed on all that the other side has sent.
fn resetting_relay(port: u16) -> (u16, PipeWriter, JoinHandle<()>) {
    let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    let (mut told, tell) = pipe().unwrap();
    let relay = thread::spawn(move || {
        let (mut near, _) = listener.accept().unwrap();
        let mut far = TcpStream::connect((LOOPBACK, port)).unwrap();
        let (mut back, mut to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        let returning = thread::spawn(move || std::io::copy(&mut back, &mut to).map(drop));
        std::io::copy(&mut near, &mut far).unwrap();
        told.read_to_end(&mut Vec::new()).unwrap();
        // Wakes up the other thread, so that its copy of the socket is closed too.
        far.shutdown(Shutdown::Read).unwrap();
        let _ = returning.join().unwrap();
        set_socket_linger(&far, Some(Duration::ZERO)).unwrap();
    });
    (own, tell, relay)
}

#[test]
fn goes_on_after_the_end_of_a_peer_that_has_left() {
    let (one, other) = (key(), key());
    let ((listening, held), (connecting, _kept)) = (control(0), control(0));
    let (port, accepted) = listen(&one, &other, listening);
    let (port, reset, relay) = resetting_relay(port);
    let link = join(&other, &one, port, connecting).unwrap();
    let mut far = start(accepted.join().unwrap().unwrap(), held);
    let (from, mut input) = pipe().unwrap();
    let (done, writer) = pipe().unwrap();
    let until = Until {
        done: done.into(),
        awaits_peer: false,
    };
    let sent = content(40_000, 5);
    input.write_all(&sent).unwrap();
    drop((input, writer));
    link.pump(from.into(), pipe().unwrap().1.into(), until)
        .unwrap();
    let mut received = Vec::new();
    far.output.read_to_end(&mut received).unwrap();
    assert!(received == sent);
    drop(reset);
    relay.join().unwrap();
    // More than the pipe holds: it is taken, and dropped.
    far.input.write_all(&content(300_000, 6)).unwrap();
    drop(far.input);
    far.pump.join().unwrap().unwrap();
}
