use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::{PIECE_LEN, Session};
use crate::{OneTimeKey, tls};

/// Two sides of a connection whose handshake is done.
fn sessions() -> [Session; 2] {
    let (one, other) = (
        OneTimeKey::generate().unwrap(),
        OneTimeKey::generate().unwrap(),
    );
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    let client = tls::client(&one, other.public()).unwrap();
    let server = tls::server(&other, one.public()).unwrap();
    let mut both = [
        Session::client(near, "server".to_owned(), client).unwrap(),
        Session::server(far, "client".to_owned(), server).unwrap(),
    ];
    both[0].begin().unwrap();
    while !both.iter().all(Session::is_proved) {
        turn(&mut both);
    }
    both
}

/// Lets both sides send and receive once.
fn turn(both: &mut [Session; 2]) {
    for side in both.iter_mut() {
        side.write().unwrap();
        side.read().unwrap();
    }
    thread::sleep(Duration::from_millis(1));
}

/// Sends a piece from one side to the other, and returns what arrives.
fn send(both: &mut [Session; 2], from: usize, piece: &[u8]) -> Vec<u8> {
    both[from].encrypt(piece).unwrap();
    let mut arrived = Vec::new();
    while arrived.len() < piece.len() {
        turn(both);
        let received = &mut both[1 - from].received;
        arrived.extend_from_slice(received.filled());
        received.take(received.len());
    }
    arrived
}

#[test]
fn goes_on_after_a_change_of_keys() {
    let mut both = sessions();
    let piece: Vec<u8> = (0..=250).cycle().take(PIECE_LEN).collect();
    for round in 0..6 {
        for from in [0, 1] {
            assert!(
                send(&mut both, from, &piece) == piece,
                "round {round} from {from}"
            );
            // TLS asks the other side for new keys too, and its answer comes in between.
            both[from].refresh().unwrap();
        }
    }
    for side in &mut both {
        side.close().unwrap();
    }
    while !both.iter().all(|side| side.peer_closed) {
        turn(&mut both);
    }
}

#[test]
fn sends_while_nothing_is_taken() {
    let mut both = sessions();
    let piece = vec![7; PIECE_LEN];
    // The receiver takes nothing, so it has no room; it still sends.
    both[0].encrypt(&piece).unwrap();
    while both[1].wants_read() {
        turn(&mut both);
    }
    assert!(send(&mut both, 1, &piece) == piece);
    assert_eq!(both[1].received.len(), PIECE_LEN);
}
