//! Requests over connections.

use std::collections::HashSet;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use blockcopy_nbd::{Client, Error};

use crate::server::{FLUSH, MULTI_CONN, Request, Served, Server, bytes, negotiation};

const SIZE: u64 = 1 << 20;

fn expected(offset: u64, len: usize) -> Vec<u8> {
    let bytes = (offset..).take(len);
    bytes.map(|at| at.to_le_bytes()[0]).collect()
}

#[test]
fn replies_in_any_order_find_their_requests() {
    let server = Server::start(negotiation(false, SIZE, FLUSH), |mut served: Served| {
        // Answers none before all four have come: they are in flight together.
        let mut requests: Vec<Request> = Vec::new();
        while let Some(request) = served.request() {
            requests.push(request);
            if requests.len() == 4 {
                for request in requests.drain(..).rev() {
                    served.succeed(&request);
                }
            }
        }
    });
    let client = server.connect().unwrap();
    thread::scope(|scope| {
        for number in 0..4_u64 {
            let client = &client;
            scope.spawn(move || {
                let offset = number * 1000 + number;
                let mut buf = vec![0xff; 500];
                client.read(&mut buf, offset).unwrap();
                assert_eq!(buf, expected(offset, 500));
            });
        }
    });
}

/// Reply to a read: bytes of 7.
fn data(request: &Request) -> Vec<u8> {
    bytes(&[
        &0x668e_33ef_u32.to_be_bytes(),
        &[0, 1, 0, 1],
        &request.cookie,
        &(request.len + 8).to_be_bytes(),
        &request.offset.to_be_bytes(),
        &vec![7; request.len as usize],
    ])
}

/// Reply to a read: a hole.
fn hole(request: &Request) -> Vec<u8> {
    bytes(&[
        &0x668e_33ef_u32.to_be_bytes(),
        &[0, 1, 0, 2],
        &request.cookie,
        &12_u32.to_be_bytes(),
        &request.offset.to_be_bytes(),
        &request.len.to_be_bytes(),
    ])
}

#[test]
fn memory_that_was_lent_is_used_again_and_keeps_nothing() {
    let server = Server::start(negotiation(false, SIZE, FLUSH), |mut served: Served| {
        while let Some(request) = served.request() {
            served.succeed(&request);
        }
    });
    let client = server.connect().unwrap();
    for len in [5000, 10, 70_000, 3] {
        for offset in [0, 7, 300] {
            let lent = client.lend(offset, len).unwrap().unwrap();
            assert_eq!(lent[..], expected(offset, len));
            // While the other one is in use.
            let next = client.lend(offset + 1, len).unwrap().unwrap();
            assert_eq!(next[..], expected(offset + 1, len));
            assert_eq!(lent[..], expected(offset, len));
        }
    }

    let holes = Server::start(negotiation(true, SIZE, FLUSH), |mut served: Served| {
        let mut count = 0;
        while let Some(request) = served.request() {
            let reply = if count % 2 == 0 {
                data(&request)
            } else {
                hole(&request)
            };
            served.0.write_all(&reply).unwrap();
            count += 1;
        }
    });
    let client = holes.connect().unwrap();
    for _ in 0..3 {
        assert_eq!(client.lend(9, 500).unwrap().unwrap()[..], [7; 500]);
        assert_eq!(client.lend(9, 400).unwrap().unwrap()[..], [0; 400]);
    }
}

/// Makes `threads` threads read for a while at the same time, and returns the number of connections that the server has seen.
fn connections(flags: u16, threads: usize) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let server = Server::start(negotiation(false, SIZE, flags), move |mut served| {
        counted.fetch_add(1, Ordering::SeqCst);
        while let Some(request) = served.request() {
            thread::sleep(Duration::from_millis(20));
            served.succeed(&request);
        }
    });
    let client = server.connect_patiently();
    let begin = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                begin.wait();
                for offset in 0..4 {
                    client.read(&mut [0; 100], offset).unwrap();
                }
            });
        }
    });
    client.flush().unwrap();
    count.load(Ordering::SeqCst)
}

#[test]
fn more_connections_are_opened_only_if_the_server_allows_them() {
    assert_eq!(connections(FLUSH, 6), 1);
    let several = connections(FLUSH | MULTI_CONN, 16);
    assert!((2..=4).contains(&several), "{several} connections");
}

#[test]
fn no_request_waits_for_a_connection_that_is_never_served() {
    let hello = negotiation(false, SIZE, FLUSH | MULTI_CONN);
    let server = Server::for_clients(1, hello, |mut served| {
        while let Some(request) = served.request() {
            thread::sleep(Duration::from_millis(5));
            served.succeed(&request);
        }
    });
    let client = server.connect_patiently();
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.read(&mut [0; 100], 0).unwrap());
        }
    });
    client.flush().unwrap();
    // Far from the 30 seconds that the first handshake may take.
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_flush_is_sent_on_every_connection() {
    let [written, flushed] = [(), ()].map(|()| Arc::new(Mutex::new(HashSet::new())));
    let seen = [&written, &flushed].map(Arc::clone);
    let number = AtomicUsize::new(0);
    let hello = negotiation(false, SIZE, FLUSH | MULTI_CONN);
    let server = Server::start(hello, move |mut served| {
        let number = number.fetch_add(1, Ordering::SeqCst);
        while let Some(request) = served.request() {
            let is_flush = request.command == 3;
            seen[usize::from(is_flush)].lock().unwrap().insert(number);
            if !is_flush {
                thread::sleep(Duration::from_millis(5));
            }
            served.succeed(&request);
        }
    });
    let client = server.connect_patiently();
    let begun = Instant::now();
    let is_done = || written.lock().unwrap().len() > 1 || begun.elapsed() > Duration::from_secs(10);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_done() {
                    client.write(&[1; 100], 0).unwrap();
                }
            });
        }
    });
    client.flush().unwrap();
    let (written, flushed) = (written.lock().unwrap(), flushed.lock().unwrap());
    assert!(written.len() > 1);
    assert!(flushed.is_superset(&written));
}

/// Fails all that comes after the first failure.
fn assert_useless(client: &Client, error: &Error) {
    assert_eq!(client.failure(), Some(error));
    assert_eq!(client.read(&mut [0; 10], 0).as_ref(), Err(error));
    assert_eq!(client.write(&[0; 10], 0).as_ref(), Err(error));
    assert_eq!(client.flush().as_ref(), Err(error));
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(negotiation(false, SIZE, FLUSH), |mut served| {
        while served.request().is_some() {}
    });
    let client = server.connect().unwrap();
    let begun = Instant::now();
    // An idle connection without requests is no reason to give up.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(client.failure(), None);
    let error = client.read(&mut [0; 10], 0).unwrap_err();
    assert_eq!(error, Error::Silent { seconds: 0 });
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_useless(&client, &error);
}

#[test]
fn a_server_that_dribbles_is_given_up() {
    let server = Server::start(negotiation(false, SIZE, FLUSH), |mut served| {
        let Some(request) = served.request() else {
            return;
        };
        let head = [&0x6744_6698_u32.to_be_bytes()[..], &[0; 4], &request.cookie].concat();
        // Far more often than the limit for silence, for longer than this test waits.
        for byte in head.into_iter().chain([0; 5000]) {
            if served.0.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let client = server.connect().unwrap();
    let begun = Instant::now();
    let error = client.read(&mut [0; 4000], 0).unwrap_err();
    assert_eq!(error, Error::Silent { seconds: 0 });
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_useless(&client, &error);
}

#[test]
fn a_server_that_is_slow_is_not_given_up() {
    let server = Server::start(negotiation(false, SIZE, FLUSH), |mut served| {
        let Some(request) = served.request() else {
            return;
        };
        let head = [&0x6744_6698_u32.to_be_bytes()[..], &[0; 4], &request.cookie].concat();
        served.0.write_all(&head).unwrap();
        // All of it takes longer than the limit for silence.
        for piece in expected(0, 800_000).chunks(100_000) {
            served.0.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(100));
        }
        while served.request().is_some() {}
    });
    let client = server.connect().unwrap();
    let mut buf = vec![0; 800_000];
    client.read(&mut buf, 0).unwrap();
    assert_eq!(buf, expected(0, 800_000));
}

#[test]
fn a_lost_connection_fails_all_requests_in_flight_and_all_later_ones() {
    let server = Server::start(negotiation(false, SIZE, FLUSH), |mut served| {
        for _ in 0..3 {
            served.request();
        }
    });
    let client = server.connect().unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(client.write(&[0; 10], 0), Err(Error::Closed)));
        }
    });
    assert_useless(&client, &Error::Closed);
}

#[test]
fn a_server_that_refuses_a_request_serves_the_next_one() {
    let server = Server::start(negotiation(false, SIZE, FLUSH), |mut served| {
        while let Some(request) = served.request() {
            if request.offset == 0 {
                let head = [&0x6744_6698_u32.to_be_bytes()[..], &[0, 0, 0, 5]].concat();
                served
                    .0
                    .write_all(&[&head[..], &request.cookie].concat())
                    .unwrap();
            } else {
                served.succeed(&request);
            }
        }
    });
    let client = server.connect().unwrap();
    assert_eq!(client.read(&mut [0; 10], 0), Err(Error::Reply(5)));
    assert_eq!(client.failure(), None);
    assert_eq!(client.read(&mut [0; 10], 1), Ok(()));
}
