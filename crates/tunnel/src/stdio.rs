//! Pipes in the place of standard input and standard output.

use std::os::fd::OwnedFd;

use blockcopy_blockio::stdio::pipe;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::stdio::{dup2_stdin, dup2_stdout, stdout};

use crate::{Error, Link, Until};

/// Capacity of the pipes, in bytes: the most that any user may set (pipe-max-size).
const PIPE_LEN: usize = 1024 * 1024;

/// A connection whose two ends in this process are descriptors 0 and 1.
#[derive(Debug)]
pub struct Tunnel {
    link: Link,
    from: OwnedFd,
    to: OwnedFd,
    /// The standard output that this process was started with: ssh would take its end for that of the program.
    output: OwnedFd,
    done: OwnedFd,
}

/// Says, when it is dropped, that nothing more will be written to descriptor 1.
#[derive(Debug)]
pub struct Done {
    _writer: OwnedFd,
}

/// Makes descriptors 0 and 1 the ends of a connection.
///
/// # Errors
/// [`Error::Pipe`] if there are too many open files.
pub fn take_standard_streams(link: Link) -> Result<(Tunnel, Done), Error> {
    let make = || pipe(PIPE_LEN).map_err(|error| Error::Pipe(error.to_string()));
    let (input, to) = make()?;
    let (from, end) = make()?;
    let (done, writer) = make()?;
    let output = fcntl_dupfd_cloexec(stdout(), 3).map_err(Error::on_pipe)?;
    dup2_stdin(&input).map_err(Error::on_pipe)?;
    dup2_stdout(&end).map_err(Error::on_pipe)?;
    let tunnel = Tunnel {
        link,
        from,
        to,
        output,
        done,
    };
    Ok((tunnel, Done { _writer: writer }))
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
