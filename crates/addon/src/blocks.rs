//! Blocks on their way from source to destination, and how they are coded.

use blockcopy_engine::{ChangedBlock, Codec, DiffOptions, Level, Preset, XzLevel};
use napi::Result;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::arguments::{invalid, number, whole};

/// A block of the source that the destination needs.
#[napi(object)]
pub struct Block {
    /// Where it belongs, in bytes.
    pub position: f64,
    /// How its payload is coded; `zeros` has none.
    #[napi(ts_type = "'raw' | 'xz' | 'zstd' | 'lz4' | 'zeros'")]
    pub codec: String,
    /// Where its payload lies in the slot, in bytes; 0 where there is none.
    pub offset: u32,
    /// Length of the payload in bytes; where there is none, of the block.
    pub length: u32,
    /// Length of the block in bytes: less than was asked for at the end of the source.
    pub block: u32,
    /// Which block of the batch it is, counted from zero, and so which of the digests is its own.
    pub index: u32,
}

/// A block to write.
#[napi(object)]
pub struct Frame {
    /// Where it belongs, in bytes.
    pub position: f64,
    /// How its payload is coded; `zeros` has none.
    #[napi(ts_type = "'raw' | 'xz' | 'zstd' | 'lz4' | 'zeros'")]
    pub codec: String,
    /// Where its payload lies in the slot, in bytes; anywhere where there is none.
    pub offset: u32,
    /// Length of the payload in bytes; where there is none, of the block.
    pub length: u32,
    /// Length of the block in bytes, if it came with the payload: it must then have just as many. `lz4` needs it.
    #[napi(ts_type = "number | undefined")]
    pub block: Option<u32>,
    /// Bytes that the block may have at most; any length that a block may have if not given.
    #[napi(ts_type = "number | undefined")]
    pub most: Option<u32>,
}

/// Whether blocks are compressed, where that makes them smaller.
#[napi(object)]
pub struct Compression {
    /// How: `raw` not at all, `xz` with a dictionary of the size of the block, `xzPlain` byte for byte as blockcopy 0.0.2 does.
    #[napi(ts_type = "'raw' | 'xz' | 'xzPlain' | 'zstd' | 'lz4'")]
    pub codec: String,
    /// From 1, fastest, to 19, smallest, for `zstd`, which needs it; from 0 to 9 for `xz`, which takes 6 otherwise; for nothing else.
    #[napi(ts_type = "number | undefined")]
    pub level: Option<u32>,
}

/// How a batch of the source compares with the destination.
#[napi(object)]
pub struct Diff {
    /// The blocks that the destination needs.
    pub changed: Vec<Block>,
    /// The digest of each block of the batch as the source has it, one after the other; empty if none were asked for.
    pub digests: Uint8Array,
}

pub(crate) fn to_diff_options(compression: &Compression, zeros: bool) -> Result<DiffOptions> {
    let way = match (&compression.codec[..], compression.level) {
        ("raw", None) => Some(blockcopy_engine::Compression::None),
        ("xz", None) => Some(blockcopy_engine::Compression::Xz(Preset::DEFAULT)),
        ("xz", Some(level)) => XzLevel::new(level)
            .map(|level| blockcopy_engine::Compression::Xz(Preset::BlockDictionary(level))),
        ("xzPlain", None) => Some(blockcopy_engine::Compression::Xz(Preset::Plain)),
        ("zstd", Some(level)) => u8::try_from(level)
            .ok()
            .and_then(Level::new)
            .map(blockcopy_engine::Compression::Zstd),
        ("lz4", None) => Some(blockcopy_engine::Compression::Lz4),
        _ => None,
    };
    let compression = way.ok_or_else(|| invalid("not a way to compress blocks"))?;
    Ok(DiffOptions {
        compression,
        omit_zeros: zeros,
    })
}

pub(crate) fn frame(frame: &Frame) -> Result<blockcopy_engine::Frame> {
    Ok(blockcopy_engine::Frame {
        position: whole(frame.position)?,
        codec: to_codec(&frame.codec)?,
        offset: frame.offset as usize,
        length: frame.length as usize,
        block: frame.block.map(|length| length as usize),
        most: frame.most.map(|length| length as usize),
    })
}

pub(crate) fn frames(frames: &[Frame]) -> Result<Vec<blockcopy_engine::Frame>> {
    frames.iter().map(frame).collect()
}

/// The codecs and their names.
const CODECS: [(Codec, &str); 5] = [
    (Codec::Raw, "raw"),
    (Codec::Xz, "xz"),
    (Codec::Zstd, "zstd"),
    (Codec::Lz4, "lz4"),
    (Codec::Zeros, "zeros"),
];

fn to_codec(name: &str) -> Result<Codec> {
    let found = CODECS.iter().find(|(_, known)| *known == name);
    found
        .map(|(codec, _)| *codec)
        .ok_or_else(|| invalid("not a codec"))
}

fn codec_name(codec: Codec) -> String {
    let found = CODECS.iter().find(|(known, _)| *known == codec);
    found.map_or("", |(_, name)| name).to_owned()
}

pub(crate) fn to_diff(diff: blockcopy_engine::Diff) -> Diff {
    // Offsets and lengths lie within a slot, whose length is a u32, and a batch is an array, whose length is one too.
    let narrow = |value| u32::try_from(value).unwrap_or(u32::MAX);
    let block = |block: ChangedBlock| Block {
        position: number(block.position),
        codec: codec_name(block.codec),
        offset: narrow(block.offset),
        length: narrow(block.length),
        block: narrow(block.block),
        index: narrow(block.index),
    };
    Diff {
        changed: diff.changed.into_iter().map(block).collect(),
        digests: diff.digests.into(),
    }
}
