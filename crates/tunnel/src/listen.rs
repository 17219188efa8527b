//! The end that listens.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::ioctl_fioclex;
use rustix::net::{self, AddressFamily, SocketType, sockopt};

use crate::control::Control;
use crate::error::words;
use crate::pump::{Link, poll_until};
use crate::session::{Session, is_passing};
use crate::socket::fit_to_distance;
use crate::{Error, OneTimeKey, PublicKey, tls};

/// Seconds for which a port is open, unless the peer is there before.
pub(crate) const OPEN_SECONDS: u64 = 10;

/// Seconds for all attempts to connect. Less, so that the end that connects fails first: it knows which addresses it has tried.
pub(crate) const CONNECT_SECONDS: u64 = 8;

/// Time for the handshake of one connection.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(5);

/// Most handshakes at the same time. One more takes the place of the oldest, so that connections that say nothing cannot keep the peer out.
const MOST_PENDING: usize = 8;

/// Pause after a connection could not be accepted, for instance because too many files are open.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// The byte with which the end that listens tells the other one that it was accepted. TLS 1.3 alone does not tell it.
pub(crate) const ACCEPTED: u8 = 1;

/// A range of ports; 0 is any free port.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The first port.
    pub from: u16,
    /// The last port.
    pub to: u16,
}

/// An open port, for one peer and for a few seconds.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    closes: Instant,
}

/// A connection whose peer has not proved its key yet.
struct Pending {
    session: Session,
    begun: Instant,
}

impl Pending {
    /// Returns the time until which the peer may prove its key.
    fn until(&self) -> Instant {
        self.begun + HANDSHAKE
    }
}

impl Listener {
    /// Opens a port, the first free one of a range. Without an address, it is open on all addresses of this host.
    ///
    /// # Errors
    /// [`Error::NoPort`] with the last reason, if no port of the range could be opened.
    pub fn open(bind: Option<IpAddr>, ports: Ports) -> Result<Self, Error> {
        let mut reason = "the range is empty".to_owned();
        for port in ports.from..=ports.to {
            match listen(bind, port) {
                Ok((socket, address)) => {
                    let closes = Instant::now() + Duration::from_secs(OPEN_SECONDS);
                    return Ok(Self {
                        socket,
                        address,
                        closes,
                    });
                }
                Err(error) => reason = words(&error),
            }
        }
        let address = bind.map_or_else(|| "all addresses".to_owned(), |bind| bind.to_string());
        let place = match ports {
            Ports { from: 0, .. } => address,
            Ports { from, to } if from == to => format!("{address} port {from}"),
            Ports { from, to } => format!("{address} ports {from} to {to}"),
        };
        Err(Error::NoPort { place, reason })
    }

    /// Returns the open port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits for the peer, and closes the port. Whoever else connects is dropped.
    ///
    /// # Errors
    /// [`Error::NoPeer`] when the time is over, [`Error::Abandoned`].
    pub fn accept(
        self,
        own: &OneTimeKey,
        peer: &PublicKey,
        mut control: Control,
    ) -> Result<Link, Error> {
        let mut pending: Vec<Pending> = Vec::new();
        let mut refused = 0;
        loop {
            let now = Instant::now();
            if now >= self.closes {
                return Err(self.no_peer(refused + pending.len()));
            }
            let before = pending.len();
            pending.retain(|one| one.until() > now);
            refused += before - pending.len();
            let ready = self.wait(&control, &pending)?;
            if ready.control {
                control.read()?;
            }
            for place in ready.sessions.into_iter().rev() {
                match pending[place].session.shake_hands() {
                    Ok(true) => {
                        let Pending { mut session, begun } = pending.swap_remove(place);
                        fit_to_distance(session.socket(), begun.elapsed());
                        session.encrypt(&[ACCEPTED])?;
                        session.write()?;
                        return Ok(Link::new(session, control));
                    }
                    Ok(false) => {}
                    Err(_) => {
                        pending.remove(place);
                        refused += 1;
                    }
                }
            }
            if ready.newcomer
                && let Some(one) = self.welcome(own, peer)
            {
                if pending.len() == MOST_PENDING {
                    pending.remove(0);
                    refused += 1;
                }
                pending.push(one);
            }
        }
    }

    fn no_peer(&self, refused: usize) -> Error {
        let address = if self.address.ip().is_unspecified() {
            String::new()
        } else {
            format!("{} ", self.address.ip())
        };
        Error::NoPeer {
            place: format!("{address}port {}", self.address.port()),
            seconds: OPEN_SECONDS,
            refused,
        }
    }

    /// Waits until something happens.
    fn wait(&self, control: &Control, pending: &[Pending]) -> Result<Ready, Error> {
        let control = control.fd();
        let mut fds = vec![
            PollFd::new(&control, PollFlags::IN),
            PollFd::new(&self.socket, PollFlags::IN),
        ];
        fds.extend(pending.iter().map(|one| one.session.poll_fd()));
        let first = pending.iter().map(Pending::until).min();
        let until = first.map_or(self.closes, |first| first.min(self.closes));
        poll_until(&mut fds, Some(until))?;
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Ok(Ready {
            control: is_ready(&fds[0]),
            newcomer: is_ready(&fds[1]),
            sessions: (0..pending.len())
                .filter(|place| is_ready(&fds[place + 2]))
                .collect(),
        })
    }

    /// Accepts a connection; `None` if no connection waits, or if it has gone already.
    fn welcome(&self, own: &OneTimeKey, peer: &PublicKey) -> Option<Pending> {
        match self.socket.accept() {
            Ok((socket, address)) => {
                let session = start(socket, address, own, peer).ok()?;
                let begun = Instant::now();
                Some(Pending { session, begun })
            }
            Err(error) => {
                if !is_passing(&error) && error.kind() != ErrorKind::ConnectionAborted {
                    thread::sleep(AFTER_FAILURE);
                }
                None
            }
        }
    }
}

/// Descriptors that are ready.
struct Ready {
    control: bool,
    newcomer: bool,
    /// Places of connections, ascending.
    sessions: Vec<usize>,
}

fn start(
    socket: TcpStream,
    address: SocketAddr,
    own: &OneTimeKey,
    peer: &PublicKey,
) -> Result<Session, Error> {
    let name = format!("{} port {}", address.ip().to_canonical(), address.port());
    Session::server(socket, name, tls::server(own, peer)?)
}

fn listen(bind: Option<IpAddr>, port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = match bind {
        Some(address) => TcpListener::bind((address, port))?,
        // A host may be without IPv6.
        None => listen_everywhere(port).or_else(|error| {
            if error.kind() == ErrorKind::AddrInUse {
                return Err(error);
            }
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        })?,
    };
    listener.set_nonblocking(true)?;
    let place = listener.local_addr()?;
    Ok((listener, place))
}

/// Most connections that wait to be accepted, as of `TcpListener`.
const BACKLOG: i32 = 128;

/// Opens a port for IPv6 and IPv4, whatever this host is set to (`net.ipv6.bindv6only`), which `TcpListener` goes by.
fn listen_everywhere(port: u16) -> std::io::Result<TcpListener> {
    let socket = net::socket(AddressFamily::INET6, SocketType::STREAM, None)?;
    ioctl_fioclex(&socket)?;
    sockopt::set_ipv6_v6only(&socket, false)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(
        &socket,
        &SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0),
    )?;
    net::listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

impl Session {
    /// Returns what to wait for on the socket.
    pub(crate) fn poll_fd(&self) -> PollFd<'_> {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.wants_read());
        events.set(PollFlags::OUT, self.wants_write());
        PollFd::from_borrowed_fd(self.socket().as_fd(), events)
    }

    /// Returns what to wait for while nothing is to be read: room for what is to be sent, if there is any.
    pub(crate) fn poll_fd_to_write(&self) -> PollFd<'_> {
        let mut events = PollFlags::empty();
        events.set(PollFlags::OUT, self.wants_write());
        PollFd::from_borrowed_fd(self.socket().as_fd(), events)
    }

    /// Goes on with the handshake. Returns true once the peer has proved its key.
    pub(crate) fn shake_hands(&mut self) -> Result<bool, Error> {
        self.read()?;
        self.write()?;
        Ok(self.is_proved())
    }
}
