//! Fixed newstyle handshake.

use std::io::{Read, Write};

use crate::reply::violation;
use crate::wire::{IHAVEOPT, MAX_PAYLOAD, NBDMAGIC, OLDSTYLE, ReadNumbers, hello, option, reply};
use crate::{Error, Failure, Uri};

mod export;
mod options;
mod refusal;

use export::block_sizes;
pub use export::{BlockSizes, Export};
use options::{OptionReply, is_accepted, length_of, receive, send};
use refusal::refusal;

/// Metadata context: properties of ranges that a server tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Context {
    /// Ranges that read as zeros.
    Allocation,
    /// Ranges that have changed, by the dirty bitmap of QEMU with this name.
    DirtyBitmap(String),
}

impl Context {
    fn name(&self) -> String {
        match self {
            Self::Allocation => "base:allocation".to_owned(),
            Self::DirtyBitmap(name) => format!("qemu:dirty-bitmap:{name}"),
        }
    }
}

/// Limit for the replies to one option.
const MAX_REPLIES: usize = 100;

/// Limit for the size of an export in bytes: the largest integer that JavaScript knows exactly, 8 PiB.
const MAX_SIZE: u64 = (1 << 53) - 1;

fn refused<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Server(Error::Refused(why.into())))
}

/// Negotiates the use of an export. Requests can be sent afterwards.
///
/// # Errors
/// [`Failure`]; a server that does not offer the export is [`Error::Refused`].
pub fn negotiate(
    stream: &mut (impl Read + Write),
    uri: &Uri,
    context: &Context,
) -> Result<Export, Failure> {
    greet(stream)?;
    choose(stream, uri, context)
}

/// Exchanges the greetings, and asks for TLS, which begins right after it. Nothing is negotiated before.
pub(crate) fn start_tls(stream: &mut (impl Read + Write)) -> Result<(), Failure> {
    greet(stream)?;
    if is_accepted(stream, option::STARTTLS)? {
        Ok(())
    } else {
        Err(Failure::Server(Error::Tls(
            "the server does not offer TLS, and nothing is sent without it".to_owned(),
        )))
    }
}

/// Negotiates the use of an export after the greetings.
pub(crate) fn choose(
    stream: &mut (impl Read + Write),
    uri: &Uri,
    context: &Context,
) -> Result<Export, Failure> {
    let structured = is_accepted(stream, option::STRUCTURED_REPLY)?;
    let context = if structured {
        select(stream, &uri.export, &context.name())?
    } else {
        None
    };
    let found = go(stream, uri)?;
    let blocks = found.blocks.unwrap_or(BlockSizes {
        minimum: 1,
        maximum: MAX_PAYLOAD,
    });
    let Some((size, flags)) = found.export else {
        return violation("it does not say how large the export is");
    };
    if size > MAX_SIZE {
        return refused(format!("its size of {size} bytes is more than {MAX_SIZE}"));
    }
    if size % u64::from(blocks.minimum) != 0 {
        let minimum = blocks.minimum;
        return refused(format!(
            "its size of {size} bytes is no multiple of the server's minimum block size of {minimum}, so its end cannot be reached"
        ));
    }
    Ok(Export {
        size,
        flags,
        blocks,
        structured,
        context,
    })
}

/// Exchanges the greetings.
fn greet(stream: &mut (impl Read + Write)) -> Result<(), Failure> {
    if stream.u64()? != NBDMAGIC {
        return refused("what listens there is no NBD server");
    }
    match stream.u64()? {
        IHAVEOPT => {}
        OLDSTYLE => {
            return refused("the server only knows the oldstyle handshake, which is not supported");
        }
        _ => return violation("an unknown handshake"),
    }
    let flags = stream.u16()?;
    if flags & hello::FIXED_NEWSTYLE == 0 {
        return refused("the server does not know the fixed newstyle handshake");
    }
    let ours = hello::FIXED_NEWSTYLE | flags & hello::NO_ZEROES;
    stream.write_all(&u32::from(ours).to_be_bytes())?;
    Ok(())
}

/// Asks for a metadata context. `None` if the server does not have it.
fn select(
    stream: &mut (impl Read + Write),
    name: &str,
    context: &str,
) -> Result<Option<u32>, Failure> {
    let mut data = Vec::new();
    data.extend(length_of(name.as_bytes()));
    data.extend(name.as_bytes());
    data.extend(1_u32.to_be_bytes());
    data.extend(length_of(context.as_bytes()));
    data.extend(context.as_bytes());
    send(stream, option::SET_META_CONTEXT, &data)?;
    let mut found = None;
    for _ in 0..MAX_REPLIES {
        let OptionReply { kind, data } = receive(stream, option::SET_META_CONTEXT)?;
        match kind {
            reply::ACK => return Ok(found),
            reply::META_CONTEXT => {
                let mut rest = data.as_slice();
                let Ok(number) = rest.u32() else {
                    return violation("a metadata context that is too short");
                };
                if rest != context.as_bytes() || found.replace(number).is_some() {
                    return violation("a metadata context that was not asked for");
                }
            }
            kind if kind & reply::ERROR != 0 => return Ok(None),
            _ => return violation("an unknown reply to an option"),
        }
    }
    violation("too many replies to an option")
}

/// Information about an export, as far as it was sent.
#[derive(Default)]
struct Found {
    export: Option<(u64, u16)>,
    blocks: Option<BlockSizes>,
}

/// Chooses the export, and ends the handshake.
fn go(stream: &mut (impl Read + Write), uri: &Uri) -> Result<Found, Failure> {
    let name = &uri.export;
    let mut data = Vec::new();
    data.extend(length_of(name.as_bytes()));
    data.extend(name.as_bytes());
    data.extend(1_u16.to_be_bytes());
    data.extend(reply::INFO_BLOCK_SIZE.to_be_bytes());
    send(stream, option::GO, &data)?;
    let mut found = Found::default();
    for _ in 0..MAX_REPLIES {
        let OptionReply { kind, data } = receive(stream, option::GO)?;
        match kind {
            reply::ACK => return Ok(found),
            reply::INFO => inform(&mut found, &data)?,
            kind if kind & reply::ERROR != 0 => return refused(refusal(kind, &data, uri)),
            _ => return violation("an unknown reply to an option"),
        }
    }
    violation("too many replies to an option")
}

/// Takes in one piece of information. Kinds that were not asked for are ignored, as the protocol demands.
fn inform(found: &mut Found, data: &[u8]) -> Result<(), Failure> {
    let mut rest = data;
    let Ok(kind) = rest.u16() else {
        return violation("information about an export that is too short");
    };
    match (kind, rest.len()) {
        (reply::INFO_EXPORT, 10) => found.export = Some((rest.u64()?, rest.u16()?)),
        (reply::INFO_BLOCK_SIZE, 12) => {
            let (minimum, preferred, maximum) = (rest.u32()?, rest.u32()?, rest.u32()?);
            found.blocks = Some(block_sizes(minimum, preferred, maximum)?);
        }
        (reply::INFO_EXPORT | reply::INFO_BLOCK_SIZE, _) => {
            return violation("information about an export that has the wrong length");
        }
        _ => {}
    }
    Ok(())
}
