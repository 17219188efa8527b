//! One TLS connection over a socket that never blocks.

use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, UnbufferedStatus, WriteTraffic};

use crate::Error;
use crate::buffers::Buffer;
use crate::socket::tune;

/// A read of fewer bytes came too early: more are on their way, if it is not the end of a burst.
pub(crate) const FEW: usize = 128 * 1024;

/// Most bytes that are encrypted at once: 16 records of TLS.
pub(crate) const PIECE_LEN: usize = 256 * 1024;

/// Room for a piece with the overhead of its records (22 bytes each), an alert, and a change of keys; or for a handshake.
const OUTGOING_LEN: usize = PIECE_LEN + 32 * 1024;

/// Room for what arrives. A record has at most 16 KiB and its overhead.
const INCOMING_LEN: usize = PIECE_LEN;

/// Room for what was decrypted: no more is decrypted once there is a piece, and the last record may go beyond it.
const RECEIVED_LEN: usize = PIECE_LEN + 32 * 1024;

/// Work on a TLS connection, apart from what arrives.
enum Work<'a> {
    /// Only process what has arrived.
    Nothing,
    Encrypt(&'a [u8]),
    Close,
    #[cfg(test)]
    Refresh,
}

/// The state of a TLS connection.
#[derive(Debug)]
pub(crate) struct Session {
    socket: TcpStream,
    peer: String,
    tls: Tls,
    incoming: Buffer,
    outgoing: Buffer,
    /// Bytes of the peer, decrypted.
    pub(crate) received: Buffer,
    /// True once the peer has proved that it has the expected key.
    is_proved: bool,
    /// True once the peer has ended its stream with a `close_notify`.
    pub(crate) peer_closed: bool,
    /// True once this end has ended its stream.
    pub(crate) has_closed: bool,
}

enum Tls {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Client(_) => "Client",
            Self::Server(_) => "Server",
        })
    }
}

impl Session {
    pub(crate) fn client(
        socket: TcpStream,
        peer: String,
        tls: UnbufferedClientConnection,
    ) -> Result<Self, Error> {
        Self::new(socket, peer, Tls::Client(Box::new(tls)))
    }

    pub(crate) fn server(
        socket: TcpStream,
        peer: String,
        tls: UnbufferedServerConnection,
    ) -> Result<Self, Error> {
        Self::new(socket, peer, Tls::Server(Box::new(tls)))
    }

    fn new(socket: TcpStream, peer: String, tls: Tls) -> Result<Self, Error> {
        tune(&socket).map_err(|error| Error::on_socket(&peer, &error))?;
        Ok(Self {
            socket,
            peer,
            tls,
            incoming: Buffer::new(INCOMING_LEN),
            outgoing: Buffer::new(OUTGOING_LEN),
            received: Buffer::new(RECEIVED_LEN),
            is_proved: false,
            peer_closed: false,
            has_closed: false,
        })
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(crate) fn peer(&self) -> &str {
        &self.peer
    }

    pub(crate) fn is_proved(&self) -> bool {
        self.is_proved
    }

    /// True if there is something to send.
    pub(crate) fn wants_write(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// True if there is room for what arrives.
    pub(crate) fn wants_read(&self) -> bool {
        !self.peer_closed && self.received.len() < PIECE_LEN
    }

    /// Reads once from the socket, and decrypts. Returns true if it came too early: only [few](FEW) bytes had arrived.
    pub(crate) fn read(&mut self) -> Result<bool, Error> {
        let room = self.incoming.room();
        let len = room.len();
        if room.is_empty() {
            self.process()?;
            return Ok(true);
        }
        let count = match self.socket.read(room) {
            Ok(0) => {
                return Err(Error::Cut {
                    peer: self.peer.clone(),
                });
            }
            Ok(count) => count,
            Err(error) if is_passing(&error) => return Ok(true),
            Err(error) => return Err(Error::on_socket(&self.peer, &error)),
        };
        self.incoming.add(count);
        self.process()?;
        // A full room may hold only a part of what has arrived.
        Ok(count < FEW.min(len))
    }

    /// Decrypts what has arrived, as far as there is room for it.
    pub(crate) fn process(&mut self) -> Result<(), Error> {
        if self.incoming.is_empty() {
            return Ok(());
        }
        self.step(Work::Nothing)
    }

    /// Begins the handshake: the side that connects speaks first.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        self.step(Work::Nothing)
    }

    /// Writes once to the socket, if there is something to send.
    pub(crate) fn write(&mut self) -> Result<(), Error> {
        if self.outgoing.is_empty() {
            return Ok(());
        }
        match self.socket.write(self.outgoing.filled()) {
            Ok(count) => self.outgoing.take(count),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(Error::on_socket(&self.peer, &error)),
        }
        Ok(())
    }

    /// Drops what has not been sent, because the peer has left.
    pub(crate) fn drop_unsent(&mut self) {
        self.outgoing.take(self.outgoing.len());
    }

    /// Encrypts at most [`PIECE_LEN`] bytes, when there is nothing left to send.
    pub(crate) fn encrypt(&mut self, plain: &[u8]) -> Result<(), Error> {
        self.step(Work::Encrypt(plain))
    }

    /// Ends the stream of this end.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        self.has_closed = true;
        self.step(Work::Close)
    }

    /// Changes the keys, as TLS does by itself after many records.
    #[cfg(test)]
    pub(crate) fn refresh(&mut self) -> Result<(), Error> {
        self.step(Work::Refresh)
    }

    fn step(&mut self, work: Work<'_>) -> Result<(), Error> {
        let mut buffers = Buffers {
            incoming: &mut self.incoming,
            outgoing: &mut self.outgoing,
            received: &mut self.received,
        };
        let found = match &mut self.tls {
            Tls::Client(tls) => advance(tls.as_mut(), &mut buffers, work),
            Tls::Server(tls) => advance(tls.as_mut(), &mut buffers, work),
        };
        match found {
            Ok(found) => {
                self.is_proved |= found.may_send;
                self.peer_closed |= found.peer_closed;
                Ok(())
            }
            Err(reason) => {
                // The alert tells the peer why. Whether it arrives does not matter.
                let _ = self.write();
                Err(Error::Damaged {
                    peer: self.peer.clone(),
                    reason,
                })
            }
        }
    }
}

/// True for an error that only means "later".
pub(crate) fn is_passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

struct Buffers<'a> {
    incoming: &'a mut Buffer,
    outgoing: &'a mut Buffer,
    received: &'a mut Buffer,
}

#[derive(Default)]
struct Found {
    may_send: bool,
    peer_closed: bool,
}

/// One of the two sides of TLS, which rustls has separate types for.
trait Machine {
    type Data;

    fn next<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Machine for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn next<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

impl Machine for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn next<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

/// Processes what has arrived until more is needed, then does the work. Returns the words of the library after a failure, with an alert for
/// the peer in `outgoing`.
fn advance<M: Machine>(
    tls: &mut M,
    buffers: &mut Buffers<'_>,
    work: Work<'_>,
) -> Result<Found, String> {
    let mut found = Found::default();
    let mut work = Some(work);
    loop {
        // Without room for what arrives, only the work is done.
        let is_full = buffers.received.len() >= PIECE_LEN;
        if is_full && work.is_none() {
            break;
        }
        let arrived = if is_full {
            &mut []
        } else {
            buffers.incoming.filled_mut()
        };
        let UnbufferedStatus { mut discard, state } = tls.next(arrived);
        let mut is_over = false;
        match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    let record = record.map_err(|error| error.to_string())?;
                    discard += record.discard;
                    append(buffers.received, record.payload)?;
                }
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                let count = data
                    .encode(buffers.outgoing.room())
                    .map_err(|error| error.to_string())?;
                buffers.outgoing.add(count);
            }
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => found.peer_closed = true,
            Ok(ConnectionState::WriteTraffic(traffic)) => {
                found.may_send = true;
                is_over = do_work(traffic, work.take().as_ref(), buffers.outgoing)?;
            }
            Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => is_over = true,
            Ok(_) => return Err("unexpected early data".to_owned()),
            Err(error) => {
                buffers.incoming.take(discard);
                encode_alert(tls, buffers.outgoing);
                return Err(error.to_string());
            }
        }
        buffers.incoming.take(discard);
        if is_over {
            break;
        }
    }
    Ok(found)
}

/// Does the work, if there is still some; returns true if there was none.
fn do_work<Data>(
    mut traffic: WriteTraffic<'_, Data>,
    work: Option<&Work<'_>>,
    outgoing: &mut Buffer,
) -> Result<bool, String> {
    let count = match work {
        None | Some(Work::Nothing) => return Ok(true),
        Some(Work::Encrypt(plain)) => traffic.encrypt(plain, outgoing.room()),
        Some(Work::Close) => traffic.queue_close_notify(outgoing.room()),
        #[cfg(test)]
        Some(Work::Refresh) => {
            return traffic
                .refresh_traffic_keys()
                .map(|()| false)
                .map_err(|error| error.to_string());
        }
    };
    outgoing.add(count.map_err(|error| error.to_string())?);
    // A change of keys may follow.
    Ok(false)
}

fn append(received: &mut Buffer, payload: &[u8]) -> Result<(), String> {
    let room = received.room();
    room.get_mut(..payload.len())
        .ok_or("a record is longer than TLS allows")?
        .copy_from_slice(payload);
    received.add(payload.len());
    Ok(())
}

/// Puts the alert that follows a failure into `outgoing`.
fn encode_alert<M: Machine>(tls: &mut M, outgoing: &mut Buffer) {
    if let UnbufferedStatus {
        state: Ok(ConnectionState::EncodeTlsData(mut data)),
        ..
    } = tls.next(&mut [])
        && let Ok(count) = data.encode(outgoing.room())
    {
        outgoing.add(count);
    }
}

#[cfg(test)]
mod tests;
