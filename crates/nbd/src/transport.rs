//! Connections without TLS and with it.

use std::io::{self, IoSlice, Read, Write};

use crate::stream::Stream;
use crate::tls::Secure;

/// Connection as requests and replies use it.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(Stream),
    Secure(Box<Secure>),
}

impl Wire {
    /// Returns the socket below it.
    pub(crate) fn socket(&self) -> &Stream {
        match self {
            Self::Plain(stream) => stream,
            Self::Secure(secure) => secure.socket(),
        }
    }

    /// Tells the server that nothing more will come.
    pub(crate) fn end(&self) {
        if let Self::Secure(secure) = self {
            secure.end();
        }
    }
}

impl Read for &Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => (&mut &*stream).read(buf),
            Wire::Secure(secure) => (&mut &**secure).read(buf),
        }
    }
}

impl Write for &Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => (&mut &*stream).write(buf),
            Wire::Secure(secure) => (&mut &**secure).write(buf),
        }
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Wire::Plain(stream) => (&mut &*stream).write_vectored(parts),
            Wire::Secure(secure) => (&mut &**secure).write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
