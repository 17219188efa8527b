//! Failures of a connection to a server.

use std::io;

/// Failure of an operation on an export. Text from the server has no control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection; the error number of the system, if there is one, and its text.
    #[error("cannot connect: {text}")]
    Connect {
        /// Error number of connect(2).
        errno: Option<i32>,
        /// Its text, or that of the resolver.
        text: String,
    },
    /// The server did not answer in time.
    #[error("the server did not answer within {seconds} seconds")]
    Silent {
        /// Limit that was exceeded.
        seconds: u64,
    },
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The system reported a failure of the connection.
    #[error("the connection failed: {text}")]
    Broken {
        /// Error number of the system call, if there is one.
        errno: Option<i32>,
        /// Its text.
        text: String,
    },
    /// TLS cannot be begun, or the server has not proved its name; the reason, as a clause.
    #[error("{0}")]
    Tls(String),
    /// Another user could change a file that TLS needs, or read the key; the reason and the remedy, as clauses.
    #[error("{0}")]
    Untrusted(String),
    /// The server sent what the protocol does not allow.
    #[error("the server broke the NBD protocol: {0}")]
    Violation(&'static str),
    /// The server does not offer the export, or not in a way that can be used; the reason, as a clause.
    #[error("{0}")]
    Refused(String),
    /// The server reported that a request failed; a number of the protocol, never 0.
    #[error("the server reported error {0}")]
    Reply(u32),
}

impl Error {
    /// Translates a failure of a connection; `seconds` is its limit.
    pub(crate) fn of_stream(error: &io::Error, seconds: u64) -> Self {
        match error.kind() {
            // All three say so, depending on what was in flight.
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset => Self::Closed,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Silent { seconds },
            io::ErrorKind::InvalidData => Self::Tls(format!("TLS failed: {error}")),
            _ => Self::Broken {
                errno: error.raw_os_error(),
                text: text_of(error),
            },
        }
    }

    /// Translates a failure to connect.
    pub(crate) fn connecting(error: &io::Error) -> Self {
        Self::Connect {
            errno: error.raw_os_error(),
            text: text_of(error),
        }
    }

    /// Returns true if only the request failed, and the connection can be used for others.
    #[must_use]
    pub fn is_of_request(&self) -> bool {
        matches!(self, Self::Reply(_))
    }
}

/// Returns the text of an error without the number that the standard library adds.
pub(crate) fn text_of(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

/// Makes text from elsewhere printable on one line, and short.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let plain = |c: char| if c.is_control() { '?' } else { c };
    text.chars().take(200).map(plain).collect()
}
