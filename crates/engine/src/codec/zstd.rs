//! Single blocks as frames in the Zstandard format (RFC 8878).

use std::cell::RefCell;

use zstd_safe::{
    CCtx, CParameter, DCtx, compress_bound, find_frame_compressed_size, get_error_name,
    get_frame_content_size,
};

const NO_MEMORY: &str = "no memory for Zstandard";

/// How much a block is compressed: 1, fastest, to 19, smallest. What `zstd --ultra` adds takes hundreds of MiB for each thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(u8);

impl Level {
    /// A level from 1 to 19; there are no others.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        match level {
            1..=19 => Some(Self(level)),
            _ => None,
        }
    }
}

thread_local! {
    /// What this thread compresses with. To set it up takes longer than to compress a block.
    static COMPRESSOR: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
    /// What this thread decodes with.
    static DECODER: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Compresses a block into a frame that says how long it is, without a checksum: who needs one has the digest of the block.
/// `None` when the result would not be smaller than the block.
///
/// # Errors
/// What Zstandard says, which has no memory as a rule.
pub(super) fn encode(block: &[u8], level: Level) -> Result<Option<Vec<u8>>, &'static str> {
    // It gets by with a window of the length of the block, which it is told.
    let mut payload = Vec::with_capacity(compress_bound(block.len()));
    COMPRESSOR.with_borrow_mut(|compressor| {
        let compressor = match compressor {
            Some(compressor) => compressor,
            none => none.insert(CCtx::try_create().ok_or(NO_MEMORY)?),
        };
        compressor
            .set_parameter(CParameter::CompressionLevel(i32::from(level.0)))
            .and_then(|_| compressor.compress2(&mut payload, block))
            .map_err(get_error_name)
    })?;
    Ok((payload.len() < block.len()).then_some(payload))
}

/// Decodes a block of at most `limit` bytes, which must be one whole frame that says how long it is, and nothing else.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn decode(payload: &[u8], limit: usize) -> Result<Vec<u8>, &'static str> {
    const DAMAGED: &str = "it is not a whole Zstandard frame";
    // Without this the decoder would go on with the next frame, or skip one.
    let frame = find_frame_compressed_size(payload).map_err(|_| DAMAGED)?;
    if frame != payload.len() {
        return Err("bytes follow the end of its Zstandard frame");
    }
    let length = get_frame_content_size(payload)
        .map_err(|_| DAMAGED)?
        .ok_or("its Zstandard frame does not say how long it is")?;
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= limit)
        .ok_or("it decodes to more than it may")?;
    if length == 0 {
        return Err("it decodes to nothing");
    }
    let mut block = Vec::with_capacity(length);
    DECODER.with_borrow_mut(|decoder| {
        let decoder = match decoder {
            Some(decoder) => decoder,
            none => none.insert(DCtx::try_create().ok_or(NO_MEMORY)?),
        };
        // All at once, and so without a window of its own: what has been decoded is the window, however large the frame says it is.
        decoder
            .decompress(&mut block, payload)
            .map_err(|_| "its data is wrong")
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
    fn a_frame_says_its_length_has_no_checksum_and_no_window_beyond_it() {
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
