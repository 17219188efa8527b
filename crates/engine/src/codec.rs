//! How blocks are coded on their way: each on its own, so that any of them can be decoded by whichever thread is free.

use std::borrow::Cow;

mod lz4;
mod sample;
mod xz;
mod zstd;

pub use xz::{Preset, XzLevel};
pub use zstd::Level;

/// The largest block that is decoded, in bytes: the largest that a frame may carry.
pub const MAX_BLOCK_LEN: usize = 16 * 1024 * 1024;

/// How a payload is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// The block itself.
    Raw,
    /// One stream in the .xz format.
    Xz,
    /// One frame in the Zstandard format (RFC 8878) that says how long its content is.
    Zstd,
    /// One block in the LZ4 block format, which does not say how long its content is.
    Lz4,
    /// The block is all zeros, and there is no payload.
    Zeros,
}

/// Whether blocks are compressed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// In the .xz format: smallest, and slow.
    Xz(Preset),
    /// In the Zstandard format: the level trades speed for size.
    Zstd(Level),
    /// In the LZ4 block format: fastest.
    Lz4,
}

impl Compression {
    /// How the payload of a block is coded that has become smaller.
    #[must_use]
    pub const fn codec(self) -> Codec {
        match self {
            Self::None => Codec::Raw,
            Self::Xz(_) => Codec::Xz,
            Self::Zstd(_) => Codec::Zstd,
            Self::Lz4 => Codec::Lz4,
        }
    }

    /// Whether it may make `block` smaller, judged by a part of it.
    fn may_shrink(self, block: &[u8]) -> bool {
        match self {
            Self::None => false,
            // The very bytes of blockcopy 0.0.2, which tries each block.
            Self::Xz(Preset::Legacy) => true,
            Self::Xz(Preset::BlockDictionary(_)) | Self::Zstd(_) => sample::may_shrink(block, true),
            Self::Lz4 => sample::may_shrink(block, false),
        }
    }
}

/// Compresses a block. `None` when the result would not be smaller than the block, or when samples of the block say so.
///
/// # Errors
/// When the compressor has no memory or fails otherwise: what it said.
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

/// What is wrong with a block whose payload says another length.
pub(crate) const OTHER_LENGTH: &str = "it does not have the length that came with it";

/// Refuses a length that no block may have.
pub(crate) fn check_length(length: usize) -> Result<(), &'static str> {
    match length {
        0 => Err("it decodes to nothing"),
        1..=MAX_BLOCK_LEN => Ok(()),
        _ => Err("it decodes to more than 16 MiB"),
    }
}

/// Decodes a payload, which must be one whole block of 1 to [`MAX_BLOCK_LEN`] bytes and nothing else; only what is
/// [`Codec::Raw`] may have any length.
///
/// With a `length` the block has just as many bytes. Blocks in the LZ4 format, and of zeros, need it.
///
/// # Errors
/// What is wrong with it, in words. Whatever the payload says, no more memory is taken than the block may have bytes, besides
/// what the decoder itself needs: at most 32 MiB for .xz.
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
        Codec::Zeros => return Err("it is all zeros and has a payload"),
    };
    if length.is_some_and(|length| length != block.len()) {
        return Err(OTHER_LENGTH);
    }
    Ok(block)
}
