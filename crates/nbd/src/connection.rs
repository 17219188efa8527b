//! One connection: requests of any number of threads, and a thread that receives the replies.

use std::io::{self, BufReader, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::handshake::{choose, start_tls};
use crate::opening::Opening;
use crate::pending::{Answer, Pending, Ticket, Want};
use crate::reply::{Failure, receive};
use crate::stream::{Stream, Timed};
use crate::transport::Wire;
use crate::wire::{Request, command};
use crate::{Error, Export, negotiate};

/// Part of a payload whose sending shows that the server lives, in bytes: over a slow link, all of it may take longer than the limit.
const PIECE: usize = 1024 * 1024;

/// Connection to an export.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    /// Held while a request is written.
    writing: Mutex<()>,
}

#[derive(Debug)]
struct Shared {
    wire: Wire,
    pending: Pending,
    /// The first failure, after which nothing works.
    failure: OnceLock<Error>,
    idle: Duration,
}

/// Request that was sent.
pub(crate) struct Sent<'a> {
    connection: &'a Connection,
    ticket: Ticket,
}

impl Connection {
    /// Connects, negotiates, and starts the thread that receives.
    pub(crate) fn open(opening: &Opening) -> Result<(Self, Export), Error> {
        let limits = opening.limits;
        let stream = Stream::connect(&opening.uri.address, limits.connect)?;
        let (wire, export) =
            shake_hands(stream, opening).map_err(|failure| failed(failure, limits.handshake))?;
        let stream = wire.socket();
        let broken = |error: io::Error| Error::of_stream(&error, 0);
        stream.set_write_timeout(limits.idle).map_err(broken)?;
        // Wakes up from time to time, to see if a reply is overdue.
        stream
            .set_read_timeout(tick_of(limits.idle))
            .map_err(broken)?;
        let shared = Arc::new(Shared {
            wire,
            pending: Pending::default(),
            failure: OnceLock::new(),
            idle: limits.idle,
        });
        let theirs = Arc::clone(&shared);
        let receiver = thread::Builder::new().name("blockcopy-nbd".to_owned());
        let started = receiver.spawn(move || theirs.receive_all(export.structured));
        started.map_err(broken)?;
        Ok((
            Self {
                shared,
                writing: Mutex::new(()),
            },
            export,
        ))
    }

    /// Returns the address of the server, if it has a number.
    pub(crate) fn peer(&self) -> Option<String> {
        self.shared.wire.socket().peer()
    }

    /// Returns the number of requests without a reply.
    pub(crate) fn in_flight(&self) -> usize {
        self.shared.pending.in_flight()
    }

    /// Takes back the buffer of an answer, for another one.
    pub(crate) fn reuse(&self, buffer: Vec<u8>) {
        self.shared.pending.reuse(buffer);
    }

    /// Sends a request; its cookie is set here.
    pub(crate) fn send(
        &self,
        request: Request,
        payload: &[u8],
        want: Want,
    ) -> Result<Sent<'_>, Error> {
        let added = self.shared.pending.add(want);
        let (cookie, ticket) = added.ok_or_else(|| self.shared.failure())?;
        let header = Request { cookie, ..request }.encoded();
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stream = &self.shared.wire;
        let (first, rest) = payload.split_at(payload.len().min(PIECE));
        let written = write_both(&mut stream, &header, first).and_then(|()| {
            rest.chunks(PIECE).try_for_each(|piece| {
                self.shared.pending.taken();
                stream.write_all(piece)
            })
        });
        if !payload.is_empty() {
            self.shared.pending.taken();
        }
        drop(writing);
        if let Err(error) = written {
            // The server may have got a part of it: what comes next would be misunderstood.
            self.shared
                .fail(Error::of_stream(&error, self.shared.idle.as_secs()));
            return Err(self.shared.failure());
        }
        Ok(Sent {
            connection: self,
            ticket,
        })
    }
}

/// Writes a header and the beginning of its payload with one call: for a header alone, the server would wake up in vain.
fn write_both(stream: &mut impl Write, header: &[u8], payload: &[u8]) -> io::Result<()> {
    let mut parts = [IoSlice::new(header), IoSlice::new(payload)];
    let mut left = &mut parts[..];
    while !left.is_empty() {
        match stream.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut left, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Sent<'_> {
    /// Waits for the reply.
    pub(crate) fn wait(&self) -> Result<Answer, Error> {
        let answer = self.ticket.wait();
        answer.unwrap_or_else(|| Err(self.connection.shared.failure()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let farewell = Request {
            flags: 0,
            command: command::DISCONNECT,
            cookie: 0,
            offset: 0,
            len: 0,
        };
        // A courtesy: the server also notices that the connection ends.
        let wire = &self.shared.wire;
        _ = (&mut &*wire).write_all(&farewell.encoded());
        wire.end();
        wire.socket().shut_down();
    }
}

impl Shared {
    fn receive_all(&self, structured: bool) {
        // Whatever happens here, no request waits for ever.
        let _end = FailAtEnd(self);
        let mut stream = BufReader::with_capacity(4096, Patient { shared: self });
        loop {
            if let Err(failure) = receive(&mut stream, structured, &self.pending) {
                return self.fail(failed(failure, self.idle));
            }
        }
    }

    /// Ends the connection. Only the first failure counts.
    fn fail(&self, error: Error) {
        _ = self.failure.set(error);
        self.pending.close();
        self.wire.socket().shut_down();
    }

    /// Returns the failure. A request may be given up a moment before it is known.
    fn failure(&self) -> Error {
        self.failure.wait().clone()
    }
}

/// Ends a connection when the thread that receives ends, even by a panic.
struct FailAtEnd<'a>(&'a Shared);

impl Drop for FailAtEnd<'_> {
    fn drop(&mut self) {
        self.0.fail(Error::Closed);
    }
}

/// Negotiates the use of the export, with TLS if the URI asks for it.
fn shake_hands(stream: Stream, opening: &Opening) -> Result<(Wire, Export), Failure> {
    let deadline = Instant::now() + opening.limits.handshake;
    let mut plain = Timed {
        socket: &stream,
        stream: &stream,
        deadline,
    };
    let (uri, context) = (&opening.uri, &opening.context);
    let Some(identity) = &opening.identity else {
        let export = negotiate(&mut plain, uri, context)?;
        return Ok((Wire::Plain(stream), export));
    };
    start_tls(&mut plain)?;
    let secure = identity.secure(stream, deadline)?;
    let mut timed = Timed {
        socket: secure.socket(),
        stream: &secure,
        deadline,
    };
    let export = choose(&mut timed, uri, context)?;
    Ok((Wire::Secure(Box::new(secure)), export))
}

fn failed(failure: Failure, limit: Duration) -> Error {
    match failure {
        Failure::Stream(error) => Error::of_stream(&error, limit.as_secs()),
        Failure::Server(error) => error,
    }
}

/// Returns the longest time for a single read.
fn tick_of(idle: Duration) -> Duration {
    (idle / 60).max(Duration::from_millis(1))
}

/// Stream that waits as long as no reply is overdue.
struct Patient<'a> {
    shared: &'a Shared,
}

impl Read for Patient<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        let Shared { pending, idle, .. } = self.shared;
        loop {
            let begun = Instant::now();
            let result = (&self.shared.wire).read(buf);
            // A longer one is the time in which this process was stopped.
            let waited = begun.elapsed().min(tick_of(*idle));
            let count = result.as_ref().copied().unwrap_or_default();
            if pending.is_overdue(waited, count, *idle) {
                return Err(TimedOut.into());
            }
            match result {
                Err(error) if matches!(error.kind(), Interrupted | TimedOut | WouldBlock) => {}
                result => return result,
            }
        }
    }
}
