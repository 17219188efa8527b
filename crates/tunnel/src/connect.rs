//! The end that connects.

use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::control::Control;
use crate::error::words;
use crate::listen::{ACCEPTED, CONNECT_SECONDS, HANDSHAKE};
use crate::pump::{Link, poll_until};
use crate::session::Session;
use crate::socket::fit_to_distance;
use crate::{Error, OneTimeKey, PublicKey, tls};

/// Most addresses that are tried.
const MOST_ADDRESSES: usize = 8;

/// Shortest time for one of several addresses.
const LEAST: Duration = Duration::from_secs(1);

/// The place where the peer listens.
#[derive(Debug, Clone)]
pub struct Target {
    /// Addresses and host names, the best first.
    pub addresses: Vec<String>,
    /// The port.
    pub port: u16,
}

/// Connects to the first address where the peer answers and proves its key.
///
/// # Errors
/// [`Error::Unreachable`] with all addresses and reasons, [`Error::Abandoned`].
pub fn connect(
    own: &OneTimeKey,
    peer: &PublicKey,
    target: &Target,
    mut control: Control,
) -> Result<Link, Error> {
    let until = Instant::now() + Duration::from_secs(CONNECT_SECONDS);
    let mut attempts = Vec::new();
    let found = resolve(target, &mut attempts);
    for (place, address) in found.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(found.len() - place).unwrap_or(1);
        match reach(*address, share.max(LEAST), own, peer, &mut control) {
            Ok(session) => return Ok(Link::new(session, control)),
            Err(Error::Abandoned) => return Err(Error::Abandoned),
            Err(error) => attempts.push(format!("{}: {}", shown(*address), reason_of(&error))),
        }
    }
    let attempts = if attempts.is_empty() {
        format!(
            "port {}: no address of the other host is known",
            target.port
        )
    } else {
        attempts.join("; ")
    };
    Err(Error::Unreachable { attempts })
}

/// Finds the addresses of all names, each once.
fn resolve(target: &Target, attempts: &mut Vec<String>) -> Vec<SocketAddr> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for name in &target.addresses {
        let addresses = match name.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, target.port)],
            Err(_) => match (name.as_str(), target.port).to_socket_addrs() {
                Ok(addresses) => addresses.collect(),
                Err(error) => {
                    attempts.push(format!("{name}: {}", words(&error)));
                    continue;
                }
            },
        };
        for address in addresses {
            if !found.contains(&address) && found.len() < MOST_ADDRESSES {
                found.push(address);
            }
        }
    }
    found
}

fn shown(address: SocketAddr) -> String {
    format!("{} port {}", address.ip(), address.port())
}

/// Returns the reason of a failure without the address, which stands before it.
fn reason_of(error: &Error) -> String {
    match error {
        Error::Cut { .. } => "the connection was closed during the handshake".to_owned(),
        Error::Lost { reason, .. } => reason.clone(),
        Error::Damaged { .. } => "something without the expected key answered".to_owned(),
        other => other.to_string(),
    }
}

/// Connects to one address.
fn reach(
    address: SocketAddr,
    limit: Duration,
    own: &OneTimeKey,
    peer: &PublicKey,
    control: &mut Control,
) -> Result<Session, Error> {
    let name = shown(address);
    let begun = Instant::now();
    let socket = TcpStream::connect_timeout(&address, limit)
        .map_err(|error| Error::lost(&name, words(&error)))?;
    fit_to_distance(&socket, begun.elapsed());
    let until = Instant::now() + limit.min(HANDSHAKE);
    let mut session = Session::client(socket, name, tls::client(own, peer)?)?;
    session.begin()?;
    while session.received.is_empty() {
        if Instant::now() >= until {
            return Err(Error::lost(session.peer(), "no answer"));
        }
        let control_fd = control.fd();
        let mut fds = [PollFd::new(&control_fd, PollFlags::IN), session.poll_fd()];
        poll_until(&mut fds, Some(until))?;
        let [on_control, on_socket] = fds.map(|fd| fd.revents());
        if !on_control.is_empty() {
            control.read()?;
        }
        if on_socket.contains(PollFlags::OUT) {
            session.write()?;
        }
        if !(on_socket - PollFlags::OUT).is_empty() {
            session.read()?;
        }
    }
    if session.received.filled()[0] != ACCEPTED {
        return Err(Error::lost(session.peer(), "another protocol"));
    }
    session.received.take(1);
    Ok(session)
}
