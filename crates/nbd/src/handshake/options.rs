//! Options of the handshake, and replies to them.

use std::io::{self, Read, Write};

use crate::Failure;
use crate::reply::violation;
use crate::wire::{IHAVEOPT, OPTION_REPLY, ReadNumbers, reply};

/// Limit for a reply to an option, in bytes: a string of 4096 and what comes with it.
const MAX_REPLY: u32 = 8192;

/// Sends an option with its data.
pub(super) fn send(stream: &mut impl Write, option: u32, data: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(16 + data.len());
    bytes.extend(IHAVEOPT.to_be_bytes());
    bytes.extend(option.to_be_bytes());
    bytes.extend(length_of(data));
    bytes.extend(data);
    stream.write_all(&bytes)?;
    stream.flush()
}

/// Encodes a length. Names are short: see `Uri`.
pub(super) fn length_of(data: &[u8]) -> [u8; 4] {
    u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// Reply to an option.
pub(super) struct OptionReply {
    /// Kind of the reply; see `wire::reply`.
    pub(super) kind: u32,
    /// Its data, of up to [`MAX_REPLY`] bytes.
    pub(super) data: Vec<u8>,
}

/// Receives the next reply to the option that was asked for.
pub(super) fn receive(stream: &mut impl Read, asked: u32) -> Result<OptionReply, Failure> {
    if stream.u64()? != OPTION_REPLY {
        return violation("a reply to an option does not begin with its magic number");
    }
    if stream.u32()? != asked {
        return violation("a reply to an option that was not sent");
    }
    let kind = stream.u32()?;
    let len = stream.u32()?;
    if len > MAX_REPLY {
        return violation("a reply to an option that is too long");
    }
    Ok(OptionReply {
        kind,
        data: stream.exactly(len as usize)?,
    })
}

/// Sends an option without data. Returns false if the server refuses it.
pub(super) fn is_accepted(stream: &mut (impl Read + Write), option: u32) -> Result<bool, Failure> {
    send(stream, option, &[])?;
    match receive(stream, option)?.kind {
        reply::ACK => Ok(true),
        kind if kind & reply::ERROR != 0 => Ok(false),
        _ => violation("an unknown reply to an option"),
    }
}
