//! Streams from their start to their end.

use std::fs::File;
use std::io::{Read as _, Write as _, pipe};
use std::os::fd::AsRawFd as _;
use std::thread;

use blockcopy_tunnel::{Control, Error, Until, make_pipes};

use crate::ends::{End, content, control, ends, join, key, listen, start};

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

#[test]
fn connections_of_the_same_process_end_apart() {
    let [mut lost, mut other] = [(); 2].map(|()| {
        let (own, peer) = (key(), key());
        let (listening, held) = control(0);
        let (read, kept) = pipe().unwrap();
        let connecting = Control::from_descriptor(read.as_raw_fd(), 0).unwrap();
        drop(read);
        let (port, accepted) = listen(&peer, &own, listening);
        let link = join(&own, &peer, port, connecting).unwrap();
        let far = start(accepted.join().unwrap().unwrap(), held);
        let (tunnel, ends, done) = make_pipes(link).unwrap();
        let pump = thread::spawn(move || tunnel.run(false));
        (File::from(ends.output), (ends.input, done), kept, pump, far)
    });
    let sent = content(3_000_001, 4);
    lost.0.write_all(&sent[..10]).unwrap();
    // The end of its control channel comes before that of its stream.
    drop(lost.2);
    let ended = lost.3.join().unwrap();
    assert!(matches!(ended, Err(Error::Abandoned)), "{ended:?}");
    let ended = lost.4.pump.join().unwrap();
    assert!(matches!(ended, Err(Error::Cut { .. })), "{ended:?}");

    let reader = thread::spawn(move || {
        let mut received = Vec::new();
        other.4.output.read_to_end(&mut received).unwrap();
        drop(other.4.input);
        (received, other.4.pump.join().unwrap())
    });
    other.0.write_all(&sent).unwrap();
    drop(other.0);
    other.3.join().unwrap().unwrap();
    let (received, ended) = reader.join().unwrap();
    assert!(received == sent);
    ended.unwrap();
    drop((other.1, other.2));
}
