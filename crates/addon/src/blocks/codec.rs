//! Codecs and compression.

use blockcopy_engine::{Level, Preset, XzLevel};
use napi::Result;
use napi_derive::napi;

use crate::arguments::invalid;

/// Encoding of a payload.
#[napi(string_enum)]
#[derive(Clone, Copy)]
pub enum Codec {
    /// The block itself.
    #[napi(value = "raw")]
    Raw,
    /// One .xz stream.
    #[napi(value = "xz")]
    Xz,
    /// One Zstandard frame that contains its content size.
    #[napi(value = "zstd")]
    Zstd,
    /// One block in the LZ4 block format.
    #[napi(value = "lz4")]
    Lz4,
    /// No payload: the block is all zeros.
    #[napi(value = "zeros")]
    Zeros,
}

impl From<Codec> for blockcopy_engine::Codec {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Raw => Self::Raw,
            Codec::Xz => Self::Xz,
            Codec::Zstd => Self::Zstd,
            Codec::Lz4 => Self::Lz4,
            Codec::Zeros => Self::Zeros,
        }
    }
}

impl From<blockcopy_engine::Codec> for Codec {
    fn from(codec: blockcopy_engine::Codec) -> Self {
        match codec {
            blockcopy_engine::Codec::Raw => Self::Raw,
            blockcopy_engine::Codec::Xz => Self::Xz,
            blockcopy_engine::Codec::Zstd => Self::Zstd,
            blockcopy_engine::Codec::Lz4 => Self::Lz4,
            blockcopy_engine::Codec::Zeros => Self::Zeros,
        }
    }
}

/// Method by which blocks are compressed.
#[napi(string_enum)]
#[derive(Clone, Copy)]
pub enum CompressionMethod {
    /// No compression.
    #[napi(value = "raw")]
    Raw,
    /// LZMA2 in the .xz format, with a dictionary of the size of the block.
    #[napi(value = "xz")]
    Xz,
    /// LZMA2 in the .xz format, byte for byte as blockcopy 0.0.2 does.
    #[napi(value = "xzLegacy")]
    XzLegacy,
    /// Zstandard.
    #[napi(value = "zstd")]
    Zstd,
    /// LZ4.
    #[napi(value = "lz4")]
    Lz4,
}

/// Compression of blocks. A block that it does not make smaller is sent as it is.
#[napi(object)]
pub struct Compression {
    /// The method. `xz` uses a dictionary as large as the block; `xzLegacy` makes exactly the bytes of blockcopy 0.0.2.
    pub codec: CompressionMethod,
    /// Level from 1, fastest, to 19, smallest, for `zstd`, which requires it; from 0 to 9, 6 by default, for `xz`. No other method has
    /// levels.
    #[napi(ts_type = "number | undefined")]
    pub level: Option<u32>,
}

pub(crate) fn to_compression(compression: &Compression) -> Result<blockcopy_engine::Compression> {
    use blockcopy_engine::Compression as Way;

    let way = match (compression.codec, compression.level) {
        (CompressionMethod::Raw, None) => Some(Way::None),
        (CompressionMethod::Xz, None) => Some(Way::Xz(Preset::DEFAULT)),
        (CompressionMethod::Xz, Some(level)) => {
            XzLevel::new(level).map(|level| Way::Xz(Preset::BlockDictionary(level)))
        }
        (CompressionMethod::XzLegacy, None) => Some(Way::Xz(Preset::Legacy)),
        (CompressionMethod::Zstd, Some(level)) => {
            u8::try_from(level).ok().and_then(Level::new).map(Way::Zstd)
        }
        (CompressionMethod::Lz4, None) => Some(Way::Lz4),
        _ => None,
    };
    way.ok_or_else(|| invalid("this compression method does not have that level"))
}
