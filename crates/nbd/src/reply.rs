//! Replies: each is checked against its request before anything of it is kept.

use std::io::{self, Read};
use std::mem::take;

use crate::pending::{Answer, Pending, State, Want};
use crate::wire::{MAX_NAME, ReadNumbers, SIMPLE_REPLY, STRUCTURED_REPLY, chunk};
use crate::{Error, Extent};

/// Limit for the extents of one reply. QEMU sends at most 2^17 of them, nbdkit 2^20.
const MAX_EXTENTS: u32 = 1 << 20;

/// Limit for the chunks of one reply: one for each sector of the largest read, and the reports of errors.
const MAX_CHUNKS: u32 = 1 << 17;

/// Failure to receive: of the stream, or of what came from it.
#[derive(Debug)]
pub enum Failure {
    /// The stream failed or ended.
    Stream(io::Error),
    /// The server broke the protocol.
    Server(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Stream(error)
    }
}

/// Makes the failure of a server that has broken the protocol.
pub(crate) fn violation<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Server(Error::Violation(what)))
}

/// Receives one simple reply or one chunk of a structured reply, and settles the request that it completes.
///
/// # Errors
/// [`Failure`]. Nothing more can be received then: the borders between replies are lost.
pub fn receive(stream: &mut impl Read, structured: bool, pending: &Pending) -> Result<(), Failure> {
    match stream.u32()? {
        SIMPLE_REPLY => simple(stream, structured, pending),
        STRUCTURED_REPLY if structured => one_chunk(stream, pending),
        STRUCTURED_REPLY => violation("a structured reply that was not asked for"),
        _ => violation("a reply does not begin with its magic number"),
    }
}

fn taken(pending: &Pending, cookie: u64) -> Result<State, Failure> {
    pending
        .take(cookie)
        .map_or_else(|| violation("a reply to no request"), Ok)
}

fn simple(stream: &mut impl Read, structured: bool, pending: &Pending) -> Result<(), Failure> {
    let error = stream.u32()?;
    let mut state = taken(pending, stream.u64()?)?;
    let answer = match state.want {
        // Without data, a reply may be simple: the report of an error, for instance.
        Want::Data { .. } if structured => {
            return violation("a simple reply to a request for data");
        }
        _ if error != 0 => Err(Error::Reply(error)),
        Want::Data { len, .. } => {
            state.data.resize(len as usize, 0);
            stream.read_exact(&mut state.data)?;
            Ok(Answer::Data(take(&mut state.data)))
        }
        Want::Status { .. } => return violation("a simple reply without a block status"),
        Want::Success => Ok(Answer::Success),
    };
    state.settle(answer);
    pending.settled();
    Ok(())
}

fn one_chunk(stream: &mut impl Read, pending: &Pending) -> Result<(), Failure> {
    let flags = stream.u16()?;
    let kind = stream.u16()?;
    let cookie = stream.u64()?;
    let len = stream.u32()?;
    let mut state = taken(pending, cookie)?;
    match kind {
        chunk::NONE if len != 0 || flags & chunk::FLAG_DONE == 0 => {
            return violation("a chunk without a type");
        }
        chunk::NONE => {}
        chunk::OFFSET_DATA => data(stream, &mut state, len)?,
        chunk::OFFSET_HOLE => hole(stream, &mut state, len)?,
        chunk::BLOCK_STATUS => status(stream, &mut state, len)?,
        kind if kind & chunk::ERROR != 0 => error(stream, &mut state, len)?,
        _ => return violation("a chunk of an unknown type"),
    }
    if flags & chunk::FLAG_DONE == 0 {
        state.chunks += 1;
        if state.chunks > MAX_CHUNKS {
            return violation("a reply of too many chunks");
        }
        pending.put_back(cookie, state);
        return Ok(());
    }
    let answer = complete(&mut state)?;
    state.settle(answer);
    pending.settled();
    Ok(())
}

/// Returns the answer after the last chunk.
fn complete(state: &mut State) -> Result<Result<Answer, Error>, Failure> {
    if let Some(error) = state.error {
        return Ok(Err(Error::Reply(error)));
    }
    match state.want {
        Want::Data { len, .. } if !state.filled.is_whole(len as usize) => {
            violation("a reply without some of the data")
        }
        Want::Data { .. } => Ok(Ok(Answer::Data(take(&mut state.data)))),
        Want::Status { .. } if state.extents.is_empty() => {
            violation("a reply without a block status")
        }
        Want::Status { .. } => Ok(Ok(Answer::Status(take(&mut state.extents)))),
        Want::Success => Ok(Ok(Answer::Success)),
    }
}

/// Marks `len` bytes from `offset` of the export as filled; returns their place in the buffer.
fn fill(state: &mut State, offset: u64, len: u64) -> Result<std::ops::Range<usize>, Failure> {
    let Want::Data {
        offset: from,
        len: wanted,
    } = state.want
    else {
        return violation("data that was not asked for");
    };
    let start = offset.checked_sub(from);
    let end = start.and_then(|start| start.checked_add(len));
    let (Some(start), Some(end)) = (start, end.filter(|&end| end <= u64::from(wanted))) else {
        return violation("data outside the range that was asked for");
    };
    // Both are at most `wanted`, which is an u32.
    let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    if range.is_empty() {
        return violation("a chunk without data");
    }
    if !state.filled.add(range.start, range.end) {
        return violation("the same data twice");
    }
    state.data.resize(wanted as usize, 0);
    Ok(range)
}

fn data(stream: &mut impl Read, state: &mut State, len: u32) -> Result<(), Failure> {
    let Some(len) = len.checked_sub(8) else {
        return violation("a chunk of data that is too short");
    };
    let offset = stream.u64()?;
    let range = fill(state, offset, u64::from(len))?;
    stream.read_exact(&mut state.data[range])?;
    Ok(())
}

fn hole(stream: &mut impl Read, state: &mut State, len: u32) -> Result<(), Failure> {
    if len != 12 {
        return violation("a chunk for a hole that has another length than 12");
    }
    let offset = stream.u64()?;
    let len = stream.u32()?;
    let range = fill(state, offset, u64::from(len))?;
    state.data[range].fill(0);
    Ok(())
}

fn status(stream: &mut impl Read, state: &mut State, len: u32) -> Result<(), Failure> {
    let Want::Status {
        len: wanted,
        context,
    } = state.want
    else {
        return violation("a block status that was not asked for");
    };
    if !state.extents.is_empty() {
        return violation("two block statuses in one reply");
    }
    let count = len.saturating_sub(4) / 8;
    if len % 8 != 4 || count == 0 || count > MAX_EXTENTS {
        return violation("a block status with an impossible length");
    }
    if stream.u32()? != context {
        return violation("a block status of another metadata context");
    }
    let mut left = u64::from(wanted);
    for _ in 0..count {
        let len = u64::from(stream.u32()?);
        let flags = stream.u32()?;
        if len == 0 {
            return violation("a block status with an extent of 0 bytes");
        }
        // The protocol lets the last one reach beyond the range, and nbdkit 1.32 may send one more that begins after it.
        let len = len.min(left);
        if len == 0 {
            continue;
        }
        left -= len;
        match state.extents.last_mut() {
            Some(last) if last.flags == flags => last.len += len,
            _ => state.extents.push(Extent { len, flags }),
        }
    }
    Ok(())
}

fn error(stream: &mut impl Read, state: &mut State, len: u32) -> Result<(), Failure> {
    // A number, a message with its length, and for some types an offset.
    if len < 6 || len as usize > 6 + MAX_NAME + 8 {
        return violation("a report of an error with an impossible length");
    }
    let error = stream.u32()?;
    let message = usize::from(stream.u16()?);
    let rest = len as usize - 6;
    if error == 0 || message > rest {
        return violation("a report of an error without an error");
    }
    stream.exactly(rest)?;
    state.error.get_or_insert(error);
    Ok(())
}
