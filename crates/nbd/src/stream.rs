//! Connections with limits of time.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::{Address, Error};

/// Most bytes in the path of a Unix domain socket; see unix(7), and unix(4) of macOS.
const MOST_SOCKET: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// Connection to a server.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Connects within `limit`.
    pub(crate) fn connect(address: &Address, limit: Duration) -> Result<Self, Error> {
        let (sender, receiver) = mpsc::channel();
        let address = address.clone();
        // On a thread of its own: looking up a name has no limit, nor has connecting to a Unix domain socket.
        let started = thread::Builder::new()
            .name("blockcopy-nbd".to_owned())
            .spawn(move || {
                // After the limit the connection is not wanted, and closed here.
                _ = sender.send(open(&address, limit));
            });
        started.map_err(|error| Error::connecting(&error))?;
        match receiver.recv_timeout(limit) {
            Ok(stream) => stream.map_err(|error| Error::connecting(&error)),
            Err(_) => Err(Error::Silent {
                seconds: limit.as_secs(),
            }),
        }
    }

    pub(crate) fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(limit)),
            Self::Unix(stream) => stream.set_read_timeout(Some(limit)),
        }
    }

    pub(crate) fn set_write_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(limit)),
            Self::Unix(stream) => stream.set_write_timeout(Some(limit)),
        }
    }

    /// Ends it for both sides, and for a thread that waits for it.
    pub(crate) fn shut_down(&self) {
        // It fails if the other side has done so already.
        _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }

    /// Returns the address of the server, without its name.
    pub(crate) fn peer(&self) -> Option<String> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok().map(|address| address.to_string()),
            Self::Unix(_) => None,
        }
    }
}

fn open(address: &Address, limit: Duration) -> io::Result<Stream> {
    match address {
        Address::Unix(path) if path.as_os_str().len() > MOST_SOCKET => {
            Err(io::Error::other(format!(
                "the path of a socket has at most {MOST_SOCKET} bytes: make a link to it with a shorter one"
            )))
        }
        Address::Unix(path) => UnixStream::connect(path).map(Stream::Unix),
        Address::Tcp { host, port } => {
            let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
            for address in (host.as_str(), *port).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, limit) {
                    Ok(stream) => {
                        stream.set_nodelay(true)?;
                        return Ok(Stream::Tcp(stream));
                    }
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        }
    }
}

impl Read for &Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).read(buf),
            Stream::Unix(stream) => (&mut &*stream).read(buf),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).write(buf),
            Stream::Unix(stream) => (&mut &*stream).write(buf),
        }
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).write_vectored(parts),
            Stream::Unix(stream) => (&mut &*stream).write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Stream that must have done all by a point in time, however slowly the bytes arrive.
pub(crate) struct Timed<'a, S> {
    /// Socket below the stream.
    pub(crate) socket: &'a Stream,
    pub(crate) stream: S,
    pub(crate) deadline: Instant,
}

impl<S> Timed<'_, S> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(left)
        }
    }
}

impl<S: Read> Read for Timed<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.stream.read(buf)
    }
}

impl<S: Write> Write for Timed<'_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
