//! Payloads of frames, and blocks that become payloads.

use blockcopy_engine::codec;
use blockcopy_engine::codec::{Codec, Compression, Level, MAX_BLOCK_LEN, Preset, decode};

/// Decodes an LZ4 block.
pub(crate) fn decode_lz4(bytes: &[u8]) {
    decode_any(Codec::Lz4, bytes);
}

/// Decodes an .xz stream.
pub(crate) fn decode_xz(bytes: &[u8]) {
    decode_any(Codec::Xz, bytes);
}

/// Decodes a Zstandard frame.
pub(crate) fn decode_zstd(bytes: &[u8]) {
    decode_any(Codec::Zstd, bytes);
}

/// Decodes a payload whose length comes before it, in four bytes; the topmost bit of these means that no length came with it.
fn decode_any(codec: Codec, bytes: &[u8]) {
    let Some((length, payload)) = bytes.split_first_chunk() else {
        return;
    };
    let length = u32::from_le_bytes(*length);
    let length = (length >> 31 == 0).then_some(length as usize % (MAX_BLOCK_LEN + 2));
    let Ok(block) = decode(codec, payload, length) else {
        return;
    };
    assert!((1..=MAX_BLOCK_LEN).contains(&block.len()), "its length");
    assert!(
        length.is_none_or(|length| block.len() == length),
        "another length than was named"
    );

    // Neither more bytes nor fewer are the same payload.
    let longer = [payload, &[0]].concat();
    assert!(decode(codec, &longer, length).is_err(), "a byte follows");
    assert!(
        decode(codec, &payload[..payload.len() - 1], length).is_err(),
        "cut off"
    );
    if length.is_none() && codec != Codec::Lz4 {
        let same = decode(codec, payload, Some(block.len()));
        assert_eq!(same.as_deref(), Ok(&*block), "with its length named");
    }
    let other = decode(codec, payload, Some(block.len() % MAX_BLOCK_LEN + 1));
    assert!(other.is_err(), "another length");
}

/// Compresses a block, and decodes the result.
fn encode_any(block: &[u8], compression: Compression) {
    let payload = codec::encode(block, compression).expect("memory for the compressor");
    let Some(payload) = payload else {
        return;
    };
    assert!(payload.len() < block.len(), "it is not smaller");
    let decoded = decode(compression.codec(), &payload, Some(block.len()));
    assert_eq!(decoded.as_deref(), Ok(block), "{compression:?}");
}

/// Compresses a block by the method that the first byte chooses. The second byte says how often the other bytes are repeated.
pub(crate) fn encode(bytes: &[u8]) {
    let &[method, repeats, ref unit @ ..] = bytes else {
        return;
    };
    let compression = match method % 5 {
        0 => Compression::Lz4,
        1 => Compression::Xz(Preset::DEFAULT),
        2 => Compression::Xz(Preset::Legacy),
        _ => Compression::Zstd(Level::new(method % 19 + 1).expect("a level from 1 to 19")),
    };
    encode_any(&unit.repeat(usize::from(repeats) + 1), compression);
}
