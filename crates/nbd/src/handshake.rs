//! Fixed newstyle handshake.

use std::io::{self, Read, Write};

use crate::error::shown;
use crate::reply::violation;
use crate::wire::{
    IHAVEOPT, MAX_PAYLOAD, NBDMAGIC, OLDSTYLE, OPTION_REPLY, ReadNumbers, export, hello, option,
    reply,
};
use crate::{Address, Error, Failure, Uri};

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

/// Limit for a reply to an option, in bytes: a string of 4096 and what comes with it.
const MAX_REPLY: u32 = 8192;

/// Limit for the replies to one option.
const MAX_REPLIES: usize = 100;

/// Limit for the size of an export in bytes: the largest integer that JavaScript knows exactly, 8 PiB.
const MAX_SIZE: u64 = (1 << 53) - 1;

/// Largest minimum block size that the protocol allows, in bytes.
const MAX_MINIMUM: u32 = 65_536;

/// Smallest limit for a request that is accepted, in bytes. All requests for one buffer are in flight together, so a smaller limit would make
/// millions of them.
const MIN_MAXIMUM: u32 = 4096;

/// Sizes of requests that an export accepts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSizes {
    /// Offsets and lengths are multiples of it; a power of two.
    pub minimum: u32,
    /// Limit for the payload of a request, a multiple of the minimum.
    pub maximum: u32,
}

/// Properties of an export, as its server reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    /// Size in bytes, a multiple of the minimum block size.
    pub size: u64,
    /// Flags, as the protocol numbers them.
    pub flags: u16,
    /// Sizes of requests.
    pub blocks: BlockSizes,
    /// True if replies are structured.
    pub structured: bool,
    /// Number of the metadata context, if the server has it.
    pub context: Option<u32>,
}

impl Export {
    /// Returns true if it cannot be written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.flags & export::READ_ONLY != 0
    }

    /// Returns true if the server can sync.
    #[must_use]
    pub fn can_flush(&self) -> bool {
        self.flags & export::SEND_FLUSH != 0
    }

    /// Returns true if the server can answer a write after it is on the disk.
    #[must_use]
    pub fn can_force(&self) -> bool {
        self.flags & export::SEND_FUA != 0
    }

    /// Returns true if the server can zero without getting zeros.
    #[must_use]
    pub fn can_zero(&self) -> bool {
        self.flags & export::SEND_WRITE_ZEROES != 0
    }

    /// Returns true if several connections see the same content, and a flush on one of them is about all.
    #[must_use]
    pub fn can_multi_conn(&self) -> bool {
        self.flags & export::CAN_MULTI_CONN != 0
    }
}

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

fn send(stream: &mut impl Write, option: u32, data: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(16 + data.len());
    bytes.extend(IHAVEOPT.to_be_bytes());
    bytes.extend(option.to_be_bytes());
    bytes.extend(length_of(data));
    bytes.extend(data);
    stream.write_all(&bytes)?;
    stream.flush()
}

/// Encodes a length. Names are short: see `Uri`.
fn length_of(data: &[u8]) -> [u8; 4] {
    u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// Reply to an option.
struct OptionReply {
    kind: u32,
    data: Vec<u8>,
}

fn receive(stream: &mut impl Read, asked: u32) -> Result<OptionReply, Failure> {
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
fn is_accepted(stream: &mut (impl Read + Write), option: u32) -> Result<bool, Failure> {
    send(stream, option, &[])?;
    match receive(stream, option)?.kind {
        reply::ACK => Ok(true),
        kind if kind & reply::ERROR != 0 => Ok(false),
        _ => violation("an unknown reply to an option"),
    }
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

/// Checks the sizes of requests, and limits the largest one. It is a multiple of the preferred size if possible.
fn block_sizes(minimum: u32, preferred: u32, maximum: u32) -> Result<BlockSizes, Failure> {
    if !minimum.is_power_of_two()
        || minimum > MAX_MINIMUM
        || preferred < minimum
        || maximum < minimum
    {
        return violation("impossible block sizes");
    }
    if maximum < MIN_MAXIMUM {
        return refused(format!(
            "its maximum block size of {maximum} bytes is less than {MIN_MAXIMUM}"
        ));
    }
    let limit = maximum.min(MAX_PAYLOAD);
    let unit = if preferred <= limit && preferred.is_multiple_of(minimum) {
        preferred
    } else {
        minimum
    };
    Ok(BlockSizes {
        minimum,
        maximum: limit - limit % unit,
    })
}

/// Explains a refusal, as a clause.
fn refusal(kind: u32, message: &[u8], uri: &Uri) -> String {
    let name = &uri.export;
    let name = if name.is_empty() {
        "default export".to_owned()
    } else {
        format!("export {name}")
    };
    let why = match kind {
        reply::UNSUPPORTED => "the server does not know NBD_OPT_GO, which is needed".to_owned(),
        reply::POLICY => format!("the server refuses this client the {name}"),
        reply::TLS_REQUIRED => format!("the server demands TLS: {}", advice_on_tls(&uri.address)),
        reply::UNKNOWN => format!("the server has no {name}"),
        reply::SHUTDOWN => "the server is shutting down".to_owned(),
        kind => format!(
            "the server refuses the {name} with error {}",
            kind - reply::ERROR
        ),
    };
    if message.is_empty() {
        why
    } else {
        format!("{why}: {}", shown(message))
    }
}

/// Returns the change to a URI without TLS that asks for TLS.
fn advice_on_tls(address: &Address) -> &'static str {
    match address {
        Address::Tcp { .. } => "write nbds:// instead of nbd://",
        Address::Unix(_) => {
            "write nbds+unix:// instead of nbd+unix://, and add &tls-hostname=NAME with the name in its certificate"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_are_limited_and_keep_the_preferred_size() {
        for (sizes, expected) in [
            ((1, 4096, u32::MAX), Some((1, MAX_PAYLOAD))),
            ((512, 4096, 1_000_000), Some((512, 999_424))),
            ((512, 1 << 30, 1_000_000), Some((512, 999_936))),
            ((4096, 65_536, 65_536), Some((4096, 65_536))),
            ((65_536, 65_536, 65_536), Some((65_536, 65_536))),
            ((0, 4096, 65_536), None),
            ((3, 4096, 65_536), None),
            ((131_072, 131_072, 1 << 20), None),
            ((512, 256, 65_536), None),
            ((512, 512, 256), None),
            ((1, 0, 0), None),
            ((1, 1, 1), None),
            ((512, 512, 4095), None),
            ((512, 512, 4096), Some((512, 4096))),
        ] {
            let (minimum, preferred, maximum) = sizes;
            let found = block_sizes(minimum, preferred, maximum).ok();
            let found = found.map(|found| (found.minimum, found.maximum));
            assert_eq!(found, expected, "{sizes:?}");
        }
    }
}
