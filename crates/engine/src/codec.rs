//! Encoding of blocks on the wire. Each block is encoded on its own, so that any idle thread can decode it.

use std::borrow::Cow;

mod lz4;
mod sample;
mod xz;
mod zstd;

pub use xz::{Preset, XzLevel};
pub use zstd::Level;

/// Length of the largest block that a frame may carry, in bytes.
pub const MAX_BLOCK_LEN: usize = 16 * 1024 * 1024;

/// Encoding of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// The block itself.
    Raw,
    /// One stream in the .xz format.
    Xz,
    /// One frame in the Zstandard format (RFC 8878), with its content size.
    Zstd,
    /// One block in the LZ4 block format, which has no content size.
    Lz4,
    /// No payload: the block is all zeros.
    Zeros,
}

/// Compression of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// No compression.
    None,
    /// The .xz format: smallest, and slow.
    Xz(Preset),
    /// The Zstandard format: the level trades speed for size.
    Zstd(Level),
    /// The LZ4 block format: fastest.
    Lz4,
}

impl Compression {
    /// Returns the codec of blocks that this makes smaller.
    #[must_use]
    pub const fn codec(self) -> Codec {
        match self {
            Self::None => Codec::Raw,
            Self::Xz(_) => Codec::Xz,
            Self::Zstd(_) => Codec::Zstd,
            Self::Lz4 => Codec::Lz4,
        }
    }

    /// Returns true if this may make `block` smaller, judged by samples.
    fn may_shrink(self, block: &[u8]) -> bool {
        match self {
            Self::None => false,
            // blockcopy 0.0.2 compresses every block, and the bytes must be the same.
            Self::Xz(Preset::Legacy) => true,
            Self::Xz(Preset::BlockDictionary(_)) | Self::Zstd(_) => {
                sample::may_shrink(block, sample::Exploits::MatchesAndFrequencies)
            }
            Self::Lz4 => sample::may_shrink(block, sample::Exploits::Matches),
        }
    }
}

/// Compresses a block. Returns `None` if the result would not be smaller than the block, judged by samples first.
///
/// # Errors
/// The message of the compressor, which has no memory or failed otherwise.
pub fn encode(block: &[u8], compression: Compression) -> Result<Option<Vec<u8>>, String> {
    if block.is_empty() || !compression.may_shrink(block) {
        return Ok(None);
    }
    match compression {
        Compression::None => Ok(None),
        Compression::Xz(preset) => xz::encode(block, preset).map_err(|error| error.to_string()),
        Compression::Zstd(level) => zstd::encode(block, level).map_err(str::to_owned),
        Compression::Lz4 => Ok(lz4::encode(block)),
    }
}

/// Defect of a block whose payload decodes to another length.
pub(crate) const OTHER_LENGTH: &str = "it does not have the length that came with it";

/// Refuses the length of a block that is empty or too large.
pub(crate) fn check_length(length: usize) -> Result<(), &'static str> {
    match length {
        0 => Err("it decodes to nothing"),
        1..=MAX_BLOCK_LEN => Ok(()),
        _ => Err("it decodes to more than 16 MiB"),
    }
}

/// Decodes a payload, which must be one whole block of 1 to [`MAX_BLOCK_LEN`] bytes and nothing else. A [`Codec::Raw`] payload may have
/// any length.
///
/// With `length`, the block must have exactly that many bytes. [`Codec::Lz4`] and [`Codec::Zeros`] require it.
///
/// # Errors
/// The defect, as a clause. Whatever the payload says, decoding takes no more memory than the largest block allowed plus that of the
/// decoder itself, which is at most 32 MiB for .xz.
pub fn decode(
    codec: Codec,
    payload: &[u8],
    length: Option<usize>,
) -> Result<Cow<'_, [u8]>, &'static str> {
    if codec != Codec::Raw {
        length.map_or(Ok(()), check_length)?;
    }
    let limit = length.unwrap_or(MAX_BLOCK_LEN);
    let needed = length.ok_or("no length came with it");
    let block = match codec {
        Codec::Raw => Cow::Borrowed(payload),
        Codec::Xz => xz::decode(payload, limit)?.into(),
        Codec::Zstd => zstd::decode(payload, limit)?.into(),
        Codec::Lz4 => lz4::decode(payload, needed?)?.into(),
        Codec::Zeros if payload.is_empty() => vec![0; needed?].into(),
        Codec::Zeros => return Err("it is a block of zeros and has a payload"),
    };
    if length.is_some_and(|length| length != block.len()) {
        return Err(OTHER_LENGTH);
    }
    Ok(block)
}
