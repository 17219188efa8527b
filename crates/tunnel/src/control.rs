//! The control channel: the standard input of a stage, or another pipe from whoever has started this end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use blockcopy_blockio::stdio::duplicate;
use rustix::io::{Errno, read};

use crate::Error;

/// Most bytes that may follow the stream of the peer.
const MOST_EPILOGUE: usize = 64;

/// The channel from whoever has started this end, usually another program. It stays open as long as that one wants this end to go on.
#[derive(Debug)]
pub struct Control {
    fd: OwnedFd,
    /// Bytes that are still to come on this channel, and belong after the stream of the peer.
    missing: usize,
    epilogue: Vec<u8>,
}

impl Control {
    /// Takes a descriptor as the control channel.
    ///
    /// `epilogue` is the number of bytes that will come on it and are to be read after the stream of the peer, at most 64.
    ///
    /// # Errors
    /// [`Error::Pipe`] if the number is too large.
    pub fn new(fd: OwnedFd, epilogue: usize) -> Result<Self, Error> {
        if epilogue > MOST_EPILOGUE {
            return Err(Error::Pipe(format!(
                "{epilogue} bytes are too many to follow it"
            )));
        }
        Ok(Self {
            fd,
            missing: epilogue,
            epilogue: Vec::new(),
        })
    }

    /// Takes a descriptor of this process as the control channel, 0 for standard input. It stays open when the descriptor is closed or
    /// becomes something else.
    ///
    /// # Errors
    /// [`Error::Pipe`] if it is closed.
    pub fn from_descriptor(descriptor: RawFd, epilogue: usize) -> Result<Self, Error> {
        let fd = duplicate(descriptor).map_err(|error| Error::Pipe(error.to_string()))?;
        Self::new(fd, epilogue)
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Reads what has arrived, after poll(2) has said that something has.
    pub(crate) fn read(&mut self) -> Result<(), Error> {
        let mut bytes = [0; MOST_EPILOGUE];
        match read(&self.fd, &mut bytes) {
            Ok(0) => Err(Error::Abandoned),
            Ok(count) => {
                let wanted = count.min(self.missing);
                self.epilogue.extend_from_slice(&bytes[..wanted]);
                self.missing -= wanted;
                Ok(())
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(()),
            Err(_) => Err(Error::Abandoned),
        }
    }

    /// True while bytes are missing that belong after the stream.
    pub(crate) fn is_waiting(&self) -> bool {
        self.missing > 0
    }

    /// Takes the bytes that belong after the stream.
    pub(crate) fn take_epilogue(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.epilogue)
    }
}
