//! Single blocks in the .xz format (<https://tukaani.org/xz/xz-file-format.txt>), as blockcopy 0.0.2 sends them.

use liblzma::stream::{Action, Check, Error as XzError, Filters, LzmaOptions, Status, Stream};

/// Memory limit for decoding one block, in bytes: enough for `xz -7`, and twice what blocks of blockcopy 0.0.2 need.
const DECODER_MEMORY: u64 = 32 * 1024 * 1024;

/// Smallest dictionary of LZMA2, in bytes.
const MIN_DICTIONARY: u32 = 4096;

/// Compression level of xz, from 0 (fastest) to 9 (smallest).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XzLevel(u32);

impl XzLevel {
    /// Default level of xz and of blockcopy 0.0.2.
    pub const DEFAULT: Self = Self(6);

    /// Returns the level, or `None` unless it is from 0 to 9.
    #[must_use]
    pub const fn new(level: u32) -> Option<Self> {
        match level {
            0..=9 => Some(Self(level)),
            _ => None,
        }
    }
}

/// Dictionary and level for compressing blocks. The check is CRC64 in both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A dictionary as large as the block. A larger one cannot help, and costs memory and time to set up.
    BlockDictionary(XzLevel),
    /// Level 6 with its dictionary of 8 MiB: byte for byte what blockcopy 0.0.2 sends.
    Legacy,
}

impl Preset {
    /// A dictionary as large as the block, at the default level.
    pub const DEFAULT: Self = Self::BlockDictionary(XzLevel::DEFAULT);
}

/// Compresses a block. Returns `None` if the result would not be smaller than the block.
///
/// # Errors
/// Fails if liblzma has no memory or fails otherwise.
pub(super) fn encode(block: &[u8], preset: Preset) -> Result<Option<Vec<u8>>, XzError> {
    if block.is_empty() {
        return Ok(None);
    }
    let level = match preset {
        Preset::BlockDictionary(level) => level,
        Preset::Legacy => XzLevel::DEFAULT,
    };
    let mut options = LzmaOptions::new_preset(level.0)?;
    if preset != Preset::Legacy {
        let dictionary = u32::try_from(block.len()).unwrap_or(u32::MAX);
        options.dict_size(dictionary.max(MIN_DICTIONARY));
    }
    let mut filters = Filters::new();
    filters.lzma2(&options);
    let mut stream = Stream::new_stream_encoder(&filters, Check::Crc64)?;
    // One byte short of the block: the encoder stops before the end if the result is not smaller.
    let mut compressed = Vec::with_capacity(block.len() - 1);
    match stream.process_vec(block, &mut compressed, Action::Finish)? {
        Status::StreamEnd => Ok(Some(compressed)),
        _ => Ok(None),
    }
}

/// Decodes a block of at most `limit` bytes, which must be one whole .xz stream and nothing else.
///
/// # Errors
/// The defect, as a clause. At most `limit` + 1 bytes are allocated for the block, whatever the data says.
pub(super) fn decode(compressed: &[u8], limit: usize) -> Result<Vec<u8>, &'static str> {
    let mut stream =
        Stream::new_stream_decoder(DECODER_MEMORY, 0).map_err(|_| "no memory for the decoder")?;
    let mut block = Vec::with_capacity((limit + 1).min(256 * 1024));
    loop {
        let consumed = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = compressed.get(consumed..).unwrap_or_default();
        let status = stream
            .process_vec(rest, &mut block, Action::Finish)
            .map_err(reason)?;
        if status == Status::StreamEnd {
            break;
        }
        if block.len() < block.capacity() {
            return Err("it ends too early");
        }
        if block.len() > limit {
            return Err("it decodes to more bytes than allowed");
        }
        // One byte more than the limit, to tell the end of the largest block from a larger one.
        let larger = (block.len() * 2).min(limit + 1);
        block.reserve_exact(larger - block.len());
    }
    if stream.total_in() != compressed.len() as u64 {
        return Err("bytes follow the end of its .xz stream");
    }
    match block.len() {
        0 => Err("it decodes to nothing"),
        length if length <= limit => Ok(block),
        _ => Err("it decodes to more bytes than allowed"),
    }
}

fn reason(error: XzError) -> &'static str {
    match error {
        XzError::Format => "it is not in the .xz format",
        XzError::MemLimit => "decoding it takes more than 32 MiB of memory",
        XzError::Mem => "no memory for the decoder",
        XzError::Options | XzError::UnsupportedCheck | XzError::NoCheck => {
            "it uses options of .xz that are not supported"
        }
        XzError::Program => "liblzma was used wrongly",
        XzError::Data => "its data or its checksum is corrupt",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::MAX_BLOCK_LEN;

    fn decode(compressed: &[u8]) -> Result<Vec<u8>, &'static str> {
        super::decode(compressed, MAX_BLOCK_LEN)
    }

    proptest! {
        #[test]
        fn encoded_blocks_decode_to_themselves(
            seed in proptest::collection::vec(any::<u8>(), 1..600),
            repeats in 1usize..300,
            legacy in any::<bool>(),
        ) {
            let block = seed.repeat(repeats);
            let preset = if legacy { Preset::Legacy } else { Preset::DEFAULT };
            if let Some(compressed) = encode(&block, preset).unwrap() {
                prop_assert!(compressed.len() < block.len());
                prop_assert_eq!(decode(&compressed).unwrap(), block);
            }
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(decode(&bytes).is_err());
        }

        #[test]
        fn every_flipped_bit_is_noticed(bit in 0usize..8000) {
            let block = b"blocks and extents, ".repeat(500);
            let mut compressed = encode(&block, Preset::DEFAULT).unwrap().unwrap();
            let bit = bit % (compressed.len() * 8);
            compressed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(&compressed).map_or(true, |decoded| decoded == block));
        }
    }

    #[test]
    fn incompressible_blocks_are_not_compressed() {
        let mut state = 1u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(131_072)
        .collect();
        assert_eq!(encode(&noise, Preset::Legacy).unwrap(), None);
        assert_eq!(encode(&[7], Preset::DEFAULT).unwrap(), None);
        assert_eq!(encode(&[], Preset::DEFAULT).unwrap(), None);
    }

    #[test]
    fn the_largest_block_decodes_and_a_larger_one_is_refused() {
        let largest = vec![0; MAX_BLOCK_LEN];
        let compressed = encode(&largest, Preset::Legacy).unwrap().unwrap();
        assert_eq!(decode(&compressed).unwrap().len(), MAX_BLOCK_LEN);
        let bomb = encode(&vec![0; MAX_BLOCK_LEN + 1], Preset::Legacy)
            .unwrap()
            .unwrap();
        assert_eq!(decode(&bomb), Err("it decodes to more bytes than allowed"));
    }

    #[test]
    fn truncated_and_extended_streams_are_refused() {
        let block = b"hole ".repeat(1000);
        let mut compressed = encode(&block, Preset::DEFAULT).unwrap().unwrap();
        for length in 0..compressed.len() {
            assert!(
                decode(&compressed[..length]).is_err(),
                "cut to {length} bytes"
            );
        }
        compressed.push(0);
        assert_eq!(
            decode(&compressed),
            Err("bytes follow the end of its .xz stream")
        );
    }
}
