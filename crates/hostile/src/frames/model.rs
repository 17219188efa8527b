//! The plain model: one frame after the other into a vector.

use blockcopy_blockio::Memory;
use blockcopy_engine::codec::{self, MAX_BLOCK_LEN};
use blockcopy_engine::{Algorithm, Applied, Codec, Digests, Error, Frame, Kind};
use sha3::{Digest as _, Sha3_512};

use super::LIMIT;

/// Returns the block of a frame, or `None` if it must be refused.
pub(super) fn decoded(frame: &Frame, slot: &[u8]) -> Option<Vec<u8>> {
    if frame.codec == Codec::Zeros {
        let is_allowed = (1..=MAX_BLOCK_LEN).contains(&frame.length);
        let is_named = frame.block.is_none_or(|named| named == frame.length);
        return (is_allowed && is_named).then(|| vec![0; frame.length]);
    }
    let end = frame.offset.checked_add(frame.length)?;
    let payload = slot.get(frame.offset..end)?;
    let block = codec::decode(frame.codec, payload, frame.block).ok()?;
    frame
        .most
        .is_none_or(|most| block.len() <= most)
        .then(|| block.into_owned())
}

/// Returns the digest of a block, by another implementation than that of the engine.
pub(super) fn digest(algorithm: Algorithm, block: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Sha3_512 => Sha3_512::digest(block).to_vec(),
        Algorithm::Blake3 => blake3::hash(block).as_bytes().to_vec(),
    }
}

/// Frames as a plain model writes them.
pub(super) struct Model {
    kind: Kind,
    before: Vec<u8>,
    /// Sound blocks before the first frame that must be refused.
    written: Vec<(usize, Vec<u8>)>,
    /// Sound blocks after it, which may have been written.
    later: Vec<(usize, Vec<u8>)>,
    /// True if a frame must be refused before its write.
    refuses: bool,
    /// True if a write fails.
    fails: bool,
}

impl Model {
    pub(super) fn new(kind: Kind, before: Vec<u8>) -> Self {
        Self {
            kind,
            before,
            written: Vec::new(),
            later: Vec::new(),
            refuses: false,
            fails: false,
        }
    }

    /// Adds the next frame; with the digests that came with the frames, and its index.
    pub(super) fn add(&mut self, frame: Frame, slot: &[u8], expected: Option<(&Digests, usize)>) {
        let block = decoded(&frame, slot).filter(|block| {
            let is_right = |(all, index): (&Digests, usize)| {
                let own = digest(all.algorithm, block);
                all.bytes[index * own.len()..][..own.len()] == own
            };
            frame.codec == Codec::Zeros || expected.is_none_or(is_right)
        });
        let placed = block.and_then(|block| {
            let end = frame.position.checked_add(block.len() as u64)?;
            let limit = match self.kind {
                Kind::Device => self.before.len() as u64,
                Kind::File => i64::MAX.cast_unsigned(),
            };
            (end <= limit).then_some((end, block))
        });
        let Some((end, block)) = placed else {
            // A failure before it is reported instead.
            self.refuses = true;
            return;
        };
        if end > LIMIT {
            self.fails |= !self.refuses && !block.is_empty();
            // The part below the limit may be written.
            if frame.position >= LIMIT && !block.is_empty() {
                return;
            }
        }
        let position = usize::try_from(frame.position).expect("below the limit");
        let list = if self.refuses || self.fails {
            &mut self.later
        } else {
            &mut self.written
        };
        list.push((position, block));
    }

    /// Content after the frames that must have been written.
    fn content(&self) -> Vec<u8> {
        let mut content = self.before.clone();
        // An empty block changes nothing, wherever it lies.
        for (position, block) in self.written.iter().filter(|(_, block)| !block.is_empty()) {
            let end = position + block.len();
            content.resize(content.len().max(end), 0);
            content[*position..end].copy_from_slice(block);
        }
        content
    }

    pub(super) fn assert_written(
        &self,
        memory: &Memory,
        applied: &Applied,
        algorithm: Option<Algorithm>,
    ) {
        assert!(!self.refuses, "a frame that must be refused was written");
        assert!(!self.fails, "a write that fails was reported as done");
        let (found, expected) = (memory.content(), self.content());
        let length = (found.len(), expected.len());
        let at = found.iter().zip(&expected).position(|(a, b)| a != b);
        assert!(
            found == expected,
            "{length:?} bytes, and other ones at {at:?}"
        );
        let lengths = self.written.iter().map(|(_, block)| block.len());
        assert!(
            applied
                .lengths
                .iter()
                .map(|length| *length as usize)
                .eq(lengths)
        );
        let digests = self.written.iter();
        let digests = digests.filter_map(|(_, block)| algorithm.map(|name| digest(name, block)));
        assert!(
            applied.digests == digests.collect::<Vec<_>>().concat(),
            "digests"
        );
    }

    pub(super) fn assert_refused(&self, memory: &Memory, error: &Error) {
        assert!(self.refuses || self.fails, "refused: {error}");
        let found = memory.content();
        if !self.fails {
            assert!(found == self.content(), "other bytes before {error}");
            return;
        }
        let mut allowed = self.written.iter().chain(&self.later).collect::<Vec<_>>();
        allowed.reverse();
        for (at, byte) in found.iter().enumerate() {
            let old = self.before.get(at).copied().unwrap_or_default();
            let is_from = |(position, block): &&(usize, Vec<u8>)| {
                at.checked_sub(*position).and_then(|index| block.get(index)) == Some(byte)
            };
            assert!(
                *byte == old || allowed.iter().any(is_from),
                "byte {at} of {error}"
            );
        }
    }
}
