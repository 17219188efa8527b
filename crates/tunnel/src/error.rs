//! Failures of a tunnel.

use std::io;

/// A failure of a tunnel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No key pair could be made, or TLS could not be set up with it.
    #[error("cannot make a one-time key: {0}")]
    Key(String),
    /// No port could be opened.
    #[error("cannot listen on {place}: {reason}")]
    NoPort {
        /// The address and ports that were tried.
        place: String,
        /// The words of the system.
        reason: String,
    },
    /// The expected peer has not connected in time.
    #[error("nothing connected to {place} within {seconds} seconds{}", refused_text(*.refused))]
    NoPeer {
        /// The address and port.
        place: String,
        /// The limit.
        seconds: u64,
        /// Number of connections that were refused in the meantime.
        refused: usize,
    },
    /// No address could be connected to.
    #[error("no connection to {attempts}")]
    Unreachable {
        /// Each address that was tried, and the reason of its failure.
        attempts: String,
    },
    /// The control channel has ended: the program that has started this one is gone.
    #[error("the program that has started this one has gone")]
    Abandoned,
    /// The connection ended without the peer's end of its stream: the peer is gone, or the connection was cut on the way.
    #[error("the direct connection with {peer} was cut off before its end")]
    Cut {
        /// The address of the peer.
        peer: String,
    },
    /// The connection was lost.
    #[error("the direct connection with {peer} was lost: {reason}")]
    Lost {
        /// The address of the peer.
        peer: String,
        /// The words of the system.
        reason: String,
    },
    /// The bytes that arrived are not those that the peer has sent.
    #[error("the direct connection with {peer} was damaged: {reason}")]
    Damaged {
        /// The address of the peer.
        peer: String,
        /// The words of the TLS library.
        reason: String,
    },
    /// The standard streams could not be replaced, or a pipe failed.
    #[error("cannot pass on the direct connection: {0}")]
    Pipe(String),
}

impl Error {
    /// Returns a stable name for the kind of failure.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(_) => "no-key",
            Self::NoPort { .. } => "no-port",
            Self::NoPeer { .. } | Self::Unreachable { .. } => "no-tunnel",
            Self::Abandoned => "tunnel-abandoned",
            Self::Cut { .. } => "tunnel-cut",
            Self::Lost { .. } => "tunnel-lost",
            Self::Damaged { .. } => "tunnel-damaged",
            Self::Pipe(_) => "tunnel-pipe",
        }
    }

    /// Makes the error for a failed system call on the connection with `peer`. A reset says no more than an end without a word.
    pub(crate) fn on_socket(peer: &str, error: &io::Error) -> Self {
        let peer = peer.to_owned();
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Self::Cut { peer },
            _ => Self::Lost {
                peer,
                reason: words(error),
            },
        }
    }

    pub(crate) fn lost(peer: &str, reason: impl Into<String>) -> Self {
        Self::Lost {
            peer: peer.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn on_pipe(error: impl Into<io::Error>) -> Self {
        Self::Pipe(words(&error.into()))
    }
}

/// Returns the words of the system for an error, without its number.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

fn refused_text(refused: usize) -> String {
    match refused {
        0 => String::new(),
        1 => ", except one connection without the expected key".to_owned(),
        more => format!(", except {more} connections without the expected key"),
    }
}
