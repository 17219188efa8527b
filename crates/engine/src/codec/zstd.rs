//! Single blocks as frames in the Zstandard format (RFC 8878).

use std::cell::RefCell;

use zstd_safe::{
    CCtx, CParameter, DCtx, compress_bound, find_frame_compressed_size, get_error_name,
    get_frame_content_size,
};

const NO_MEMORY: &str = "no memory for Zstandard";

/// Compression level, from 1 (fastest) to 19 (smallest). The levels of `zstd --ultra` need hundreds of MiB per thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(u8);

impl Level {
    /// Returns the level, or `None` unless it is from 1 to 19.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        match level {
            1..=19 => Some(Self(level)),
            _ => None,
        }
    }
}

/// Most bytes of a compressor that is kept for the next block. Those for the highest levels and the largest blocks have 50 MiB, and there
/// are as many as threads; with these, compressing takes far longer than setting up another one.
const MOST_KEPT: usize = 8 * 1024 * 1024;

thread_local! {
    /// Compressor of this thread. Setting one up takes longer than compressing a block.
    static COMPRESSOR: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
    /// Decoder of this thread.
    static DECODER: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Compresses a block into a frame with its content size and without a checksum: the digest of the block serves as one.
/// Returns `None` if the result would not be smaller than the block.
///
/// # Errors
/// The message of Zstandard; usually that there is no memory.
pub(super) fn encode(block: &[u8], level: Level) -> Result<Option<Vec<u8>>, &'static str> {
    // The compressor knows the length of the block and limits its window to that.
    let mut payload = Vec::with_capacity(compress_bound(block.len()));
    COMPRESSOR.with_borrow_mut(|kept| {
        let mut compressor = match kept.take() {
            Some(compressor) => compressor,
            None => CCtx::try_create().ok_or(NO_MEMORY)?,
        };
        let written = compressor
            .set_parameter(CParameter::CompressionLevel(i32::from(level.0)))
            .and_then(|_| compressor.compress2(&mut payload, block));
        if compressor.sizeof() <= MOST_KEPT {
            *kept = Some(compressor);
        }
        written.map_err(get_error_name)
    })?;
    Ok((payload.len() < block.len()).then_some(payload))
}

/// Decodes a block of at most `limit` bytes, which must be one whole frame with its content size, and nothing else.
///
/// # Errors
/// The defect, as a clause.
pub(super) fn decode(payload: &[u8], limit: usize) -> Result<Vec<u8>, &'static str> {
    const DAMAGED: &str = "it is not a whole Zstandard frame";
    // Without this check the decoder would continue with the next frame, or skip one.
    let frame = find_frame_compressed_size(payload).map_err(|_| DAMAGED)?;
    if frame != payload.len() {
        return Err("bytes follow the end of its Zstandard frame");
    }
    let length = get_frame_content_size(payload)
        .map_err(|_| DAMAGED)?
        .ok_or("its Zstandard frame has no content size")?;
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= limit)
        .ok_or("it decodes to more bytes than allowed")?;
    if length == 0 {
        return Err("it decodes to nothing");
    }
    let mut block = Vec::with_capacity(length);
    DECODER.with_borrow_mut(|decoder| {
        let decoder = match decoder {
            Some(decoder) => decoder,
            none => none.insert(DCtx::try_create().ok_or(NO_MEMORY)?),
        };
        // In one call, so that the output buffer is the window: the window size in the frame header allocates nothing.
        decoder
            .decompress(&mut block, payload)
            .map_err(|_| "its data is corrupt")
    })?;
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_1_to_19() {
        let levels: Vec<_> = (0..=u8::MAX)
            .filter(|&level| Level::new(level).is_some())
            .collect();
        assert_eq!(levels, (1..=19).collect::<Vec<_>>());
    }

    #[test]
    fn only_a_small_compressor_is_kept() {
        for (length, level, expected) in [
            (131_072, 3, true),
            (131_072, 19, true),
            (16 << 20, 1, true),
            (16 << 20, 19, false),
        ] {
            encode(&vec![b'x'; length], Level(level)).unwrap();
            let is_kept = COMPRESSOR.with_borrow(Option::is_some);
            assert_eq!(is_kept, expected, "{length} at {level}");
        }
    }

    #[test]
    fn a_frame_has_its_content_size_no_checksum_and_no_larger_window() {
        for length in [100, 5000, 131_072, 3_000_000] {
            let block = b"extents and holes, ".repeat(length / 19 + 1)[..length].to_vec();
            for level in [1, 3, 19] {
                let payload = encode(&block, Level(level)).unwrap().unwrap();
                assert_eq!(
                    get_frame_content_size(&payload).unwrap(),
                    Some(length as u64)
                );
                // Frame_Header_Descriptor: Content_Checksum_flag, and Single_Segment_flag, with which the window is the content.
                assert_eq!(payload[4] & 0b100, 0, "{length} at {level}");
                let window = match payload[4] & 0b10_0000 {
                    0 => 1 << (10 + (payload[5] >> 3)),
                    _ => length,
                };
                assert!(window <= length, "{length} at {level}: {window}");
            }
        }
    }
}
