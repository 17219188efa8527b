//! Combining blocks that are adjacent in the destination into larger writes.

use blockcopy_blockio::Sink;

use crate::Error;
use crate::content::Content;
use crate::extent::PIECE_LEN;

/// Treatment of blocks of zeros in the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroBlocks {
    /// Write them like any other block.
    #[default]
    Write,
    /// Make holes where the destination can have holes; see [`Sink::zero`].
    MakeHoles,
}

/// Block and its offset in the destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacedBlock<'a> {
    /// Offset of its first byte.
    pub(crate) position: u64,
    pub(crate) content: Content<'a>,
}

/// Bytes of the smallest pieces that QEMU allocates in qcow2 and VMDK images, unless told otherwise.
const GRAIN: u64 = 64 * 1024;

impl PlacedBlock<'_> {
    /// Cuts the block at each multiple of [`GRAIN`].
    pub(crate) fn grains(self) -> impl Iterator<Item = Self> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let left = rest.content.len();
            let room = GRAIN - rest.position % GRAIN;
            let length = usize::try_from(room).map_or(left, |room| room.min(left));
            let (content, remainder) = rest.content.split_at(length);
            let position = rest.position;
            rest = PlacedBlock {
                // The sink refuses offsets beyond the largest one.
                position: position.saturating_add(length as u64),
                content: remainder,
            };
            (length > 0).then_some(Self { position, content })
        })
    }
}

/// One write to the destination, or one hole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WriteOp<'a> {
    /// Offset of its first byte.
    position: u64,
    /// Length in bytes.
    length: u64,
    /// Its bytes in parts, one after the other; empty for a hole.
    parts: Vec<&'a [u8]>,
    /// True if a hole is to be made.
    hole: bool,
}

impl WriteOp<'_> {
    fn end(&self) -> u64 {
        self.position.saturating_add(self.length)
    }

    /// Writes the bytes, or makes the hole.
    pub(crate) fn run(&self, sink: &Sink) -> Result<(), Error> {
        if self.hole {
            sink.zero(self.position, self.length)?;
        } else {
            sink.write_run(&self.parts, self.position)?;
        }
        Ok(())
    }
}

/// Combines blocks into writes, in their order. A write ends at each multiple of [`PIECE_LEN`], so that several can run at the same
/// time, with aligned ends except for the outermost.
pub(crate) fn writes<'a>(blocks: &[PlacedBlock<'a>], zero_blocks: ZeroBlocks) -> Vec<WriteOp<'a>> {
    let mut writes: Vec<WriteOp<'a>> = Vec::new();
    for block in blocks {
        let hole = zero_blocks == ZeroBlocks::MakeHoles && block.content.is_zero();
        let (mut position, mut rest) = (block.position, block.content);
        while rest.len() > 0 {
            let room = PIECE_LEN as u64 - position % PIECE_LEN as u64;
            let length = usize::try_from(room).map_or(rest.len(), |room| room.min(rest.len()));
            let (part, remainder) = rest.split_at(length);
            let parts = (!hole).then_some(part).into_iter().flat_map(Content::parts);
            match writes.last_mut() {
                Some(write)
                    if write.hole == hole
                        && write.end() == position
                        && !position.is_multiple_of(PIECE_LEN as u64) =>
                {
                    write.parts.extend(parts);
                    write.length += length as u64;
                }
                _ => writes.push(WriteOp {
                    position,
                    length: length as u64,
                    parts: parts.collect(),
                    hole,
                }),
            }
            rest = remainder;
            // The sink refuses offsets beyond the largest one.
            position = position.saturating_add(length as u64);
        }
    }
    writes
}

/// Leaves out the holes where `sink` has always been zeros. They would take space: QEMU writes zeros to images in VMDK, VHDX and VDI.
pub(crate) fn without_needless_holes<'a>(
    writes: Vec<WriteOp<'a>>,
    sink: &Sink,
) -> Vec<WriteOp<'a>> {
    let mut untouched = sink.untouched();
    let is_needed = |write: &WriteOp<'_>| {
        let is_needed = !write.hole || write.position < untouched;
        if is_needed {
            untouched = untouched.max(write.end());
        }
        is_needed
    };
    writes.into_iter().filter(is_needed).collect()
}

/// Splits writes into waves. The offsets within a wave ascend, so its writes do not overlap and can run at the same time.
pub(crate) fn waves<'r, 'a>(writes: &'r [WriteOp<'a>]) -> impl Iterator<Item = &'r [WriteOp<'a>]> {
    writes.chunk_by(|write, next| write.end() <= next.position)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::*;

    impl PlacedBlock<'_> {
        fn end(&self) -> u64 {
            self.position + self.content.len() as u64
        }
    }

    const BYTES: usize = 3 * PIECE_LEN;
    static ZEROS: [u8; BYTES] = [0; BYTES];
    static DATA: [u8; BYTES] = [7; BYTES];

    /// Blocks of data and of zeros, each after the previous one or anywhere.
    fn blocks() -> impl Strategy<Value = Vec<PlacedBlock<'static>>> {
        let at = prop_oneof![
            0..5 * PIECE_LEN as u64,
            (0..6_u64).prop_map(|piece| piece * PIECE_LEN as u64)
        ];
        let length = prop_oneof![Just(0), 1..5000_usize, Just(131_072), 1..BYTES];
        let block = (prop::option::weighted(0.3, at), length, 0..3);
        prop::collection::vec(block, 0..24).prop_map(|blocks| {
            let mut end = 0;
            let placed = |(at, length, kind): (Option<u64>, usize, i32)| {
                let position = at.unwrap_or(end);
                end = position + length as u64;
                let content = match kind {
                    0 => Content::Bytes(&DATA[..length]),
                    1 => Content::Bytes(&ZEROS[..length]),
                    _ => Content::Zeros(length),
                };
                PlacedBlock { position, content }
            };
            blocks.into_iter().map(placed).collect()
        })
    }

    fn bytes(block: &PlacedBlock<'static>) -> &'static [u8] {
        match block.content {
            Content::Bytes(bytes) => bytes,
            Content::Zeros(length) => &ZEROS[..length],
        }
    }

    fn zero_blocks() -> impl Strategy<Value = ZeroBlocks> {
        prop_oneof![Just(ZeroBlocks::Write), Just(ZeroBlocks::MakeHoles)]
    }

    /// Joins each range with the previous one if it continues it; the flag says if the range is a hole.
    fn joined(ranges: impl Iterator<Item = (Range<u64>, bool)>) -> Vec<(Range<u64>, bool)> {
        let mut all: Vec<(Range<u64>, bool)> = Vec::new();
        for (range, hole) in ranges.filter(|(range, _)| !range.is_empty()) {
            match all.last_mut() {
                Some((last, same)) if last.end == range.start && *same == hole => {
                    last.end = range.end;
                }
                _ => all.push((range, hole)),
            }
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn runs_are_the_blocks_in_their_order(blocks in blocks(), zero_blocks in zero_blocks()) {
            let hole = |block: &PlacedBlock<'static>| zero_blocks == ZeroBlocks::MakeHoles && bytes(block).iter().all(|&byte| byte == 0);
            let expected = joined(blocks.iter().map(|block| (block.position..block.end(), hole(block))));
            let writes = writes(&blocks, zero_blocks);
            prop_assert_eq!(joined(writes.iter().map(|write| (write.position..write.end(), write.hole))), expected);

            let parts: Vec<&[u8]> = writes.iter().flat_map(|write| write.parts.iter().copied()).collect();
            let data = blocks.iter().filter(|block| !hole(block)).map(bytes);
            prop_assert!(parts.concat() == data.collect::<Vec<_>>().concat());
        }

        #[test]
        fn runs_are_as_long_as_they_may_be(blocks in blocks(), zero_blocks in zero_blocks()) {
            let writes = writes(&blocks, zero_blocks);
            for write in &writes {
                let bytes: u64 = write.parts.iter().map(|part| part.len() as u64).sum();
                prop_assert_eq!(bytes, if write.hole { 0 } else { write.length });
                prop_assert!(write.length > 0);
                prop_assert_eq!(write.position / PIECE_LEN as u64, (write.end() - 1) / PIECE_LEN as u64);
            }
            for (write, next) in writes.iter().zip(writes.iter().skip(1)) {
                let cut = write.end().is_multiple_of(PIECE_LEN as u64);
                prop_assert!(write.hole != next.hole || write.end() != next.position || cut);
            }
        }

        #[test]
        fn waves_are_the_runs_in_their_order_and_nothing_in_them_overlaps(blocks in blocks(), zero_blocks in zero_blocks()) {
            let writes = writes(&blocks, zero_blocks);
            let waves: Vec<_> = waves(&writes).collect();
            prop_assert!(waves.iter().copied().flatten().eq(writes.iter()));
            for wave in &waves {
                for (number, write) in wave.iter().enumerate() {
                    prop_assert!(wave[number + 1..].iter().all(|later| write.end() <= later.position));
                }
            }
            for (wave, next) in waves.iter().zip(waves.iter().skip(1)) {
                prop_assert!(wave[wave.len() - 1].end() > next[0].position, "they could be one");
            }
        }
    }
}
