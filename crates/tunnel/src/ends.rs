//! The pipes between a connection and the rest of this process.

use std::os::fd::OwnedFd;

use blockcopy_blockio::stdio::pipe;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::stdio::{dup2_stdin, dup2_stdout, stdout};

use crate::{Error, Link, Until};

/// Capacity of the pipes for data, in bytes: the most that any user may set (pipe-max-size).
const PIPE_LEN: usize = 1024 * 1024;

/// A connection, and its ends of the pipes.
#[derive(Debug)]
pub struct Tunnel {
    link: Link,
    from: OwnedFd,
    to: OwnedFd,
    /// The standard output that this process was started with, if it was replaced: ssh would take its end for that of the program.
    output: Option<OwnedFd>,
    done: OwnedFd,
}

/// The other ends of the pipes.
#[derive(Debug)]
pub struct Ends {
    /// End to read from: the stream of the peer.
    pub input: OwnedFd,
    /// End to write to: the stream for the peer.
    pub output: OwnedFd,
}

/// Says, when it is dropped, that nothing more will be written to the stream for the peer.
#[derive(Debug)]
pub struct Done {
    _writer: OwnedFd,
}

/// Makes the pipes of a connection.
///
/// # Errors
/// [`Error::Pipe`] if there are too many open files.
pub fn make_pipes(link: Link) -> Result<(Tunnel, Ends, Done), Error> {
    let make = |len| pipe(len).map_err(|error| Error::Pipe(error.to_string()));
    let (input, to) = make(PIPE_LEN)?;
    let (from, output) = make(PIPE_LEN)?;
    let (done, writer) = make(0)?;
    let tunnel = Tunnel {
        link,
        from,
        to,
        output: None,
        done,
    };
    Ok((tunnel, Ends { input, output }, Done { _writer: writer }))
}

/// Makes descriptors 0 and 1 the ends of a connection.
///
/// # Errors
/// [`Error::Pipe`] if there are too many open files.
pub fn take_standard_streams(link: Link) -> Result<(Tunnel, Done), Error> {
    let (tunnel, ends, done) = make_pipes(link)?;
    let output = fcntl_dupfd_cloexec(stdout(), 3).map_err(Error::on_pipe)?;
    dup2_stdin(&ends.input).map_err(Error::on_pipe)?;
    dup2_stdout(&ends.output).map_err(Error::on_pipe)?;
    let tunnel = Tunnel {
        output: Some(output),
        ..tunnel
    };
    Ok((tunnel, done))
}

impl Tunnel {
    /// Returns the address and port of the peer.
    #[must_use]
    pub fn peer(&self) -> &str {
        self.link.peer()
    }

    /// Moves bytes until both streams have ended; without `awaits_peer`, until that of this end has. See [`Link::pump`].
    ///
    /// # Errors
    /// Those of [`Link::pump`].
    pub fn run(self, awaits_peer: bool) -> Result<(), Error> {
        let until = Until {
            done: self.done,
            awaits_peer,
        };
        let result = self.link.pump(self.from, self.to, until);
        drop(self.output);
        result
    }
}
