//! Decoding the payloads of a batch and checking the blocks against their digests.

use std::borrow::Cow;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::codec::{self, Codec, MAX_BLOCK_LEN, OTHER_LENGTH, check_length};
use crate::content::Content;
use crate::digest::{Algorithm, Digests};
use crate::frame::Frame;
use crate::{Engine, Error};

/// Limit for the blocks decoded before they are written, in blocks of the largest size, so that a machine with many cores does
/// not run out of memory.
const MAX_DECODED: usize = 4;

/// Blocks that a thread digests together: as many as the widest vectors have lanes.
const DIGESTED: usize = 8;

/// Block of a frame.
#[derive(Debug)]
pub(crate) enum Decoded<'a> {
    /// Bytes, in the slot or decoded.
    Bytes(Cow<'a, [u8]>),
    /// Zeros that came without a payload; the length in bytes.
    Zeros(usize),
}

impl Decoded<'_> {
    pub(crate) fn content(&self) -> Content<'_> {
        match self {
            Self::Bytes(bytes) => Content::Bytes(bytes),
            Self::Zeros(len) => Content::Zeros(*len),
        }
    }
}

impl Engine {
    /// Returns as many of the first frames as are decoded together, at least one.
    pub(crate) fn decoded_together<'f>(&self, frames: &'f [Frame]) -> &'f [Frame] {
        let room = self.workers.current_num_threads().min(MAX_DECODED) * MAX_BLOCK_LEN;
        let mut taken = 0_usize;
        let fits = |frame: &&Frame| {
            taken = taken.saturating_add(match frame.codec {
                Codec::Raw | Codec::Zeros => 0,
                Codec::Xz | Codec::Zstd | Codec::Lz4 => frame.block.unwrap_or(MAX_BLOCK_LEN),
            });
            taken <= room
        };
        let count = frames.iter().take_while(fits).count();
        // A frame that claims to be larger than allowed is refused when it is decoded.
        &frames[..count.max(1)]
    }

    /// Decodes `frames`, whose payloads are in `memory`.
    pub(crate) fn decode<'a>(
        &self,
        memory: &'a [u8],
        frames: &[Frame],
    ) -> Vec<Result<Decoded<'a>, Error>> {
        let block = |frame: &Frame| decode(memory, frame);
        let at_once = |frame: &Frame| matches!(frame.codec, Codec::Raw | Codec::Zeros);
        if frames.iter().all(at_once) {
            return frames.iter().map(block).collect();
        }
        self.workers
            .install(|| frames.par_iter().map(block).collect())
    }

    /// Returns the digests of `blocks`, computed by all workers.
    pub(crate) fn digest_blocks(&self, algorithm: Algorithm, blocks: &[Decoded<'_>]) -> Digests {
        let contents: Vec<_> = blocks.iter().map(Decoded::content).collect();
        self.digest_contents(algorithm, &contents)
    }

    fn digest_contents(&self, algorithm: Algorithm, contents: &[Content<'_>]) -> Digests {
        let digests = |group: &[Content<'_>]| {
            let contents: Vec<_> = group.iter().map(|content| content.detect_zeros()).collect();
            self.hasher.digest_many(algorithm, &contents).bytes
        };
        let groups: Vec<_> = self
            .workers
            .install(|| contents.par_chunks(DIGESTED).map(digests).collect());
        let bytes = groups.concat();
        Digests { algorithm, bytes }
    }

    /// Returns the index of the first block with another digest than in `theirs`, where the digests of `blocks` start at index `first`.
    /// `ours`, the digests of all blocks, saves digesting again if it has the same algorithm. Zeros without a payload are not checked.
    pub(crate) fn first_wrong(
        &self,
        blocks: &[Decoded<'_>],
        ours: Option<&Digests>,
        theirs: &Digests,
        first: usize,
    ) -> Option<usize> {
        let checked = blocks
            .iter()
            .enumerate()
            .filter(|(_, block)| matches!(block, Decoded::Bytes(_)));
        if let Some(ours) = ours.filter(|ours| ours.algorithm == theirs.algorithm) {
            let wrong = |index: &usize| ours.get(*index) != theirs.get(first + index);
            return checked.map(|(index, _)| index).find(wrong);
        }
        let (indices, contents): (Vec<_>, Vec<_>) = checked
            .map(|(index, block)| (index, block.content()))
            .unzip();
        let ours = self.digest_contents(theirs.algorithm, &contents);
        let mut numbered = indices.into_iter().enumerate();
        numbered
            .find(|&(number, index)| ours.get(number) != theirs.get(first + index))
            .map(|(_, index)| index)
    }
}

fn decode<'a>(memory: &'a [u8], frame: &Frame) -> Result<Decoded<'a>, Error> {
    let damaged = |reason| Error::CorruptBlock {
        position: frame.position,
        reason,
    };
    if frame.codec == Codec::Zeros {
        return zeros(frame).map_err(damaged);
    }
    let payload = payload(memory, frame)?;
    let block = codec::decode(frame.codec, payload, frame.block).map_err(damaged)?;
    if frame.most.is_some_and(|most| block.len() > most) {
        return Err(damaged("it reaches beyond what was asked for"));
    }
    Ok(Decoded::Bytes(block))
}

fn zeros(frame: &Frame) -> Result<Decoded<'static>, &'static str> {
    check_length(frame.length)?;
    if frame.block.is_some_and(|length| length != frame.length) {
        return Err(OTHER_LENGTH);
    }
    Ok(Decoded::Zeros(frame.length))
}

fn payload<'a>(memory: &'a [u8], frame: &Frame) -> Result<&'a [u8], Error> {
    let end = frame.offset.checked_add(frame.length);
    end.and_then(|end| memory.get(frame.offset..end))
        .ok_or(Error::Request("a payload lies outside its slot"))
}
