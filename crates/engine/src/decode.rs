//! From the payloads of a batch to its blocks, and whether these have the digests that came with them.

use std::borrow::Cow;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::codec::{self, Codec, MAX_BLOCK_LEN, OTHER_LENGTH, check_length};
use crate::content::Content;
use crate::digest::{Algorithm, Digests};
use crate::frame::Frame;
use crate::{Engine, Error};

/// How many blocks of the largest size are decoded before they are written, so that they do not fill the memory of a
/// machine with many cores. Of shorter ones there are as many more.
const MAX_DECODED: usize = 4;

/// How many blocks a thread digests together: as many as the widest vectors have lanes.
const DIGESTED: usize = 8;

/// The block of a frame.
#[derive(Debug)]
pub(crate) enum Decoded<'a> {
    /// Its bytes, where they lie in the slot or decoded.
    Bytes(Cow<'a, [u8]>),
    /// That many zeros, which came without a payload.
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
    /// The first of `frames`, as many as are decoded at once; at least one.
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
        // One that says that it is larger than any may be is refused when it is decoded.
        &frames[..count.max(1)]
    }

    /// The blocks of `frames`, whose payloads lie in `memory`.
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

    /// The digests of `blocks`, by all workers.
    pub(crate) fn digest_blocks(&self, algorithm: Algorithm, blocks: &[Decoded<'_>]) -> Digests {
        let contents: Vec<_> = blocks.iter().map(Decoded::content).collect();
        self.digest_contents(algorithm, &contents)
    }

    fn digest_contents(&self, algorithm: Algorithm, contents: &[Content<'_>]) -> Digests {
        let digests = |group: &[Content<'_>]| {
            let looked: Vec<_> = group.iter().map(|content| content.looked()).collect();
            self.hasher.digest_many(algorithm, &looked).bytes
        };
        let groups: Vec<_> = self
            .workers
            .install(|| contents.par_chunks(DIGESTED).map(digests).collect());
        let bytes = groups.concat();
        Digests { algorithm, bytes }
    }

    /// Which of `blocks` is the first one that does not have its digest in `theirs`, which has that of the first block at `first`.
    /// `ours`, the digests of all blocks, are used where they are by the same algorithm.
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
