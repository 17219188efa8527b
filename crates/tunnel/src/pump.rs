//! Moving bytes between a connection and two pipes.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio, read, write};

use crate::Error;
use crate::control::Control;
use crate::session::{FEW, PIECE_LEN, Session};

/// Pause in reading after a read that came too early. Otherwise, each packet of a link that is slower than the CPU would wake up both this thread
/// and the stage, for a few KiB each time.
const GATHER: Duration = Duration::from_millis(1);

/// A connection with the expected peer.
#[derive(Debug)]
pub struct Link {
    pub(crate) session: Session,
    control: Control,
}

impl Link {
    pub(crate) fn new(session: Session, control: Control) -> Self {
        Self { session, control }
    }

    /// Returns the address and port of the peer.
    #[must_use]
    pub fn peer(&self) -> &str {
        self.session.peer()
    }

    /// Sends what comes out of `from`, and writes what the peer sends to `to`, until both have ended.
    ///
    /// `from` ends when all of its writers have closed it, or when `until` says so and it is empty.
    ///
    /// One thread does both directions, because nearly all bytes go in one of them. It never waits for one while the other one could go on.
    ///
    /// # Errors
    /// [`Error::Cut`] if the connection ends without the end of the peer's stream, and the other ones of a connection. Both pipes are then
    /// closed, and so is the connection, without an end of the stream.
    pub fn pump(self, from: OwnedFd, to: OwnedFd, until: Until) -> Result<(), Error> {
        for pipe in [&from, &to] {
            ioctl_fionbio(pipe, true).map_err(Error::on_pipe)?;
        }
        let pump = Pump {
            session: self.session,
            control: self.control,
            from: Some(from),
            to: Some(to),
            done: Some(until.done),
            awaits_peer: until.awaits_peer,
            plain: vec![0; PIECE_LEN],
            socket_rests: None,
            pipe_rests: None,
        };
        pump.run()
    }
}

/// The end of a connection.
#[derive(Debug)]
pub struct Until {
    /// A pipe. When its writer closes it, nothing more will be written to what is sent. A writer may not notice by itself: the kernel keeps a
    /// pipe open as long as a thread waits for it with poll(2).
    pub done: OwnedFd,
    /// True to go on until the peer has ended its stream too.
    pub awaits_peer: bool,
}

struct Pump {
    session: Session,
    control: Control,
    /// `None` once it has ended.
    from: Option<OwnedFd>,
    /// `None` once everything was written to it.
    to: Option<OwnedFd>,
    /// `None` once nothing more will be written to `from`.
    done: Option<OwnedFd>,
    awaits_peer: bool,
    plain: Vec<u8>,
    /// The times until which nothing is read from the socket and from the pipe, because the last read gave few bytes.
    socket_rests: Option<Instant>,
    pipe_rests: Option<Instant>,
}

/// The events of each descriptor.
struct Ready {
    control: PollFlags,
    socket: PollFlags,
    from: PollFlags,
    to: PollFlags,
    done: PollFlags,
}

impl Pump {
    fn run(mut self) -> Result<(), Error> {
        loop {
            self.session.process()?;
            while self.done.is_none() && self.from.is_some() && !self.session.wants_write() {
                self.send()?;
            }
            self.end_what_is_over()?;
            let has_sent = self.session.has_closed && !self.session.wants_write();
            if has_sent && (self.to.is_none() || !self.awaits_peer) {
                return Ok(());
            }
            let ready = self.wait()?;
            if !ready.done.is_empty() {
                self.done = None;
            }
            if !ready.control.is_empty() {
                self.control.read()?;
            }
            self.use_socket(ready.socket)?;
            if !ready.from.is_empty() {
                self.send()?;
            }
            if !ready.to.is_empty() {
                self.deliver()?;
            }
        }
    }

    /// Passes on the ends of both streams.
    fn end_what_is_over(&mut self) -> Result<(), Error> {
        let session = &mut self.session;
        if session.peer_closed && session.received.is_empty() && !self.control.is_waiting() {
            let epilogue = self.control.take_epilogue();
            if epilogue.is_empty() {
                self.to = None;
            } else {
                session.received.room()[..epilogue.len()].copy_from_slice(&epilogue);
                session.received.add(epilogue.len());
            }
        }
        if self.from.is_none() && !session.has_closed && !session.wants_write() {
            session.close()?;
        }
        Ok(())
    }

    fn wait(&self) -> Result<Ready, Error> {
        let control = self.control.fd();
        let now = Instant::now();
        let rests = |until: Option<Instant>| until.filter(|until| *until > now);
        let socket_rests = rests(self.socket_rests).filter(|_| self.session.wants_read());
        // A descriptor that is not waited for must not be in the list: poll(2) reports its end in any case. For the socket, that would hide
        // what has arrived before a reset, or would be taken for a failure after the peer has ended its stream.
        let (reads, writes) = (self.session.wants_read(), self.session.wants_write());
        let socket = match socket_rests {
            Some(_) => writes.then(|| self.session.poll_fd_to_write()),
            None => (reads || writes).then(|| self.session.poll_fd()),
        };
        let has_socket = socket.is_some();
        let sends = self.from.as_ref().filter(|_| !self.session.wants_write());
        let pipe_rests = rests(self.pipe_rests).filter(|_| sends.is_some());
        let from = sends.filter(|_| pipe_rests.is_none());
        let to = self
            .to
            .as_ref()
            .filter(|_| !self.session.received.is_empty());
        let mut fds = vec![PollFd::new(&control, PollFlags::IN)];
        fds.extend(socket);
        fds.extend(from.map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)));
        fds.extend(to.map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::OUT)));
        fds.extend(
            (self.done.as_ref()).map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)),
        );
        let until = socket_rests.into_iter().chain(pipe_rests).min();
        poll_until(&mut fds, until)?;
        let mut found = fds.iter().map(PollFd::revents);
        let mut next = |is_listed: bool| {
            let events = is_listed.then(|| found.next()).flatten();
            events.unwrap_or(PollFlags::empty())
        };
        Ok(Ready {
            control: next(true),
            socket: next(has_socket),
            from: next(from.is_some()),
            to: next(to.is_some()),
            done: next(self.done.is_some()),
        })
    }

    fn use_socket(&mut self, found: PollFlags) -> Result<(), Error> {
        if found.is_empty() {
            return Ok(());
        }
        let reads = self.session.wants_read();
        // Without room for what arrives, the socket is only waited for to write, and writing tells why a connection is lost.
        if found.contains(PollFlags::OUT) || !reads {
            self.write()?;
        }
        if reads && !(found - PollFlags::OUT).is_empty() {
            let is_early = self.session.read()?;
            self.socket_rests = is_early.then(|| Instant::now() + GATHER);
            return self.deliver();
        }
        Ok(())
    }

    /// Writes once to the socket.
    ///
    /// The peer of an end that awaits it may leave after the end of its stream: all of it has arrived then, and the peer needs nothing more.
    /// The socket of a peer that has left is reset after a while, for instance during a long sync. That is no failure of the copy.
    fn write(&mut self) -> Result<(), Error> {
        let result = self.session.write();
        if result.is_err() && self.awaits_peer && self.session.peer_closed {
            self.session.drop_unsent();
            return Ok(());
        }
        result
    }

    /// Encrypts what has come out of the pipe, and sends it.
    fn send(&mut self) -> Result<(), Error> {
        let Some(from) = &self.from else {
            return Ok(());
        };
        match read(from, &mut self.plain) {
            Ok(0) => self.from = None,
            Ok(count) => {
                self.pipe_rests = is_early(from, count).then(|| Instant::now() + GATHER);
                self.session.encrypt(&self.plain[..count])?;
                self.write()?;
            }
            // It is empty, and stays so.
            Err(Errno::AGAIN) if self.done.is_none() => self.from = None,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(Error::on_pipe(errno)),
        }
        Ok(())
    }

    /// Writes what was decrypted to the pipe, as far as there is room.
    fn deliver(&mut self) -> Result<(), Error> {
        let Some(to) = &self.to else {
            return Ok(());
        };
        if self.session.received.is_empty() {
            return Ok(());
        }
        match write(to, self.session.received.filled()) {
            Ok(count) => self.session.received.take(count),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(errno) => return Err(Error::on_pipe(errno)),
        }
        Ok(())
    }
}

/// True if a read from a pipe came too early. What fills half of the pipe did not: a small pipe never holds as much as a large one, and its
/// writer already waits for room.
fn is_early(pipe: &OwnedFd, count: usize) -> bool {
    count < FEW && count < capacity(pipe) / 2
}

/// Returns the number of bytes that a pipe holds.
#[cfg(target_os = "linux")]
fn capacity(pipe: &OwnedFd) -> usize {
    rustix::pipe::fcntl_getpipe_size(pipe).unwrap_or(LEAST_CAPACITY)
}

/// Returns the least number of bytes that a pipe may hold.
#[cfg(not(target_os = "linux"))]
fn capacity(_pipe: &OwnedFd) -> usize {
    LEAST_CAPACITY
}

/// Bytes in the smallest pipe of macOS, and of a user of Linux who has many; see pipe(7).
const LEAST_CAPACITY: usize = 4096;

/// Waits until a descriptor is ready, or until a point in time.
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], until: Option<Instant>) -> Result<(), Error> {
    let left = until
        .map(|until| until.saturating_duration_since(Instant::now()))
        .and_then(|left| Timespec::try_from(left).ok());
    match poll(fds, left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(Error::on_pipe(errno)),
    }
}
