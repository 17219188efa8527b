//! The ends of tunnels between two threads.

use std::io::{PipeReader, PipeWriter, pipe};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::thread::{self, JoinHandle};

use blockcopy_tunnel::{Control, Error, Link, Listener, OneTimeKey, Ports, Target, Until, connect};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Starts to listen on any port; returns the port, and the end of it.
pub(crate) fn listen(
    own: &OneTimeKey,
    peer: &OneTimeKey,
    control: Control,
) -> (u16, JoinHandle<Result<Link, Error>>) {
    let listener = Listener::open(Some(LOOPBACK), Ports { from: 0, to: 0 }).unwrap();
    let (port, own, peer) = (listener.port(), own.clone(), peer.public().clone());
    (
        port,
        thread::spawn(move || listener.accept(&own, &peer, control)),
    )
}

pub(crate) fn join(
    own: &OneTimeKey,
    peer: &OneTimeKey,
    port: u16,
    control: Control,
) -> Result<Link, Error> {
    let addresses = vec![LOOPBACK.to_string()];
    connect(own, peer.public(), &Target { addresses, port }, control)
}

pub(crate) fn key() -> OneTimeKey {
    OneTimeKey::generate().unwrap()
}

/// A control channel, and the end that holds it open.
pub(crate) fn control(epilogue: usize) -> (Control, PipeWriter) {
    let (read, write) = pipe().unwrap();
    (Control::new(OwnedFd::from(read), epilogue).unwrap(), write)
}

/// One end of a tunnel that is being pumped.
pub(crate) struct End {
    pub(crate) input: PipeWriter,
    pub(crate) output: PipeReader,
    pub(crate) pump: JoinHandle<Result<(), Error>>,
    pub(crate) control: PipeWriter,
}

pub(crate) fn start(link: Link, control: PipeWriter) -> End {
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
pub(crate) fn ends(epilogue: usize, between: impl FnOnce(u16) -> u16) -> (End, End) {
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
pub(crate) fn content(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}
