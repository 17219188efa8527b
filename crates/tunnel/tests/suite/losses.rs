//! Connections that are cut, changed or reset on the way.

use std::io::{PipeWriter, Read as _, Write as _, pipe};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use blockcopy_tunnel::{Error, Until};
use rustix::net::sockopt::set_socket_linger;

use crate::ends::{LOOPBACK, content, control, ends, join, key, listen, start};

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
