//! Making a destination on the same machine equal to its source, without digests.

use std::ops::Add;
use std::sync::Arc;

use blockcopy_blockio::{Sink, Slot, Source};

use crate::content::Content;
use crate::extent::Extent;
use crate::gather::Gather;
use crate::read::{check_range, read_range};
use crate::writes::{PlacedBlock, ZeroBlocks, writes};
use crate::{Done, Engine, Error};

/// Bytes of each side that one thread reads, compares and writes in one step. Both sides together stay in the cache of a core, so
/// comparing them costs next to nothing.
const STEP: usize = 512 * 1024;

/// Source and destination of an update.
#[derive(Clone, Debug)]
pub struct Pair {
    /// File or device to copy.
    pub source: Arc<Source>,
    /// Destination, open for reading.
    pub destination: Arc<Source>,
    /// Destination, open for writing.
    pub sink: Arc<Sink>,
}

/// Blocks that an update has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Bytes in the blocks that differed.
    pub changed: u64,
    /// Number of blocks that differed.
    pub blocks: u64,
}

impl Add for Updated {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            changed: self.changed + other.changed,
            blocks: self.blocks + other.blocks,
        }
    }
}

/// The range to update, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Offset of the first byte, a multiple of [`ALIGNMENT`](crate::ALIGNMENT).
    pub position: u64,
    /// Bytes to compare.
    pub length: u64,
    /// Bytes per block, a multiple of [`ALIGNMENT`](crate::ALIGNMENT); the last block may be shorter.
    pub block_len: u32,
    /// Treatment of changed blocks of zeros.
    pub zero_blocks: ZeroBlocks,
    /// Take the data of the destination for different without reading it. Its holes are still compared.
    pub presume: bool,
}

impl Engine {
    /// Compares a range of both sides of `pair`, block by block, and writes the blocks of the source that differ to the destination.
    /// Blocks beyond the end of the destination differ.
    ///
    /// `slot` has room for both sides: twice the length of the range. Nothing is synced: see [`Engine::sync`].
    ///
    /// # Errors
    /// Passed to `done`: a failed read or write, a side that became shorter, a range that is not aligned or does not fit into the slot.
    pub fn update(
        self: &Arc<Self>,
        pair: &Pair,
        slot: Slot,
        options: UpdateOptions,
        done: impl Done<Updated>,
    ) {
        let steps = match steps(pair, slot, options) {
            Ok(steps) => steps,
            Err(error) => return done(Err(error)),
        };
        let gather = Gather::new(steps.len(), move |outcome: Result<Vec<Updated>, Error>| {
            done(outcome.map(|parts| parts.into_iter().fold(Updated::default(), Add::add)));
        });
        for (number, mut step) in steps.into_iter().enumerate() {
            let gather = Arc::clone(&gather);
            let pair = pair.clone();
            self.io.spawn_fifo(move || {
                if gather.is_void(number) {
                    return gather.finish(number, move || {
                        drop(step);
                        Ok(Vec::new())
                    });
                }
                gather.finish(number, move || Ok(vec![step.update(&pair, options)?]));
            });
        }
    }
}

/// Range of both sides, and memory for it.
struct Step {
    position: u64,
    blocks: Vec<Extent>,
    source: Slot,
    destination: Slot,
}

/// Cuts the range into steps, each with its part of `slot`.
fn steps(pair: &Pair, slot: Slot, options: UpdateOptions) -> Result<Vec<Step>, Error> {
    const ALIGNED: u64 = crate::ALIGNMENT as u64;
    let UpdateOptions {
        position,
        length,
        block_len,
        ..
    } = options;
    if block_len == 0
        || !u64::from(block_len).is_multiple_of(ALIGNED)
        || !position.is_multiple_of(ALIGNED)
    {
        return Err(Error::Request("an update is not aligned"));
    }
    check_range(&pair.source, position, length)?;
    let extents: Vec<_> = Extent::blocks(position, length, block_len).collect();
    let per_step = (STEP / block_len as usize).max(1);
    let mut rest = slot;
    let mut steps = Vec::new();
    for blocks in extents.chunks(per_step) {
        let bytes: usize = blocks.iter().map(|block| block.length as usize).sum();
        let room = bytes.next_multiple_of(crate::ALIGNMENT);
        if rest.len() < 2 * room {
            return Err(Error::Request("a range does not fit into its slot"));
        }
        let (source, remainder) = rest.split_at(room);
        let (destination, remainder) = remainder.split_at(room);
        rest = remainder;
        steps.push(Step {
            position: blocks[0].position,
            blocks: blocks.to_vec(),
            source,
            destination,
        });
    }
    Ok(steps)
}

impl Step {
    /// Writes the blocks that differ.
    fn update(&mut self, pair: &Pair, options: UpdateOptions) -> Result<Updated, Error> {
        let changed = self.changed(pair, options.presume)?;
        let blocks = self.placed(&changed, options.zero_blocks);
        // One write after the other: the steps run at the same time.
        let writes = writes(&blocks, options.zero_blocks);
        writes.iter().try_for_each(|write| write.run(&pair.sink))?;
        Ok(Updated {
            changed: changed.iter().map(|block| u64::from(block.length)).sum(),
            blocks: changed.len() as u64,
        })
    }

    /// Reads the source, and the destination unless its data is presumed to differ. Returns the blocks that differ.
    fn changed(&mut self, pair: &Pair, presume: bool) -> Result<Vec<Extent>, Error> {
        let length = self.source.len() as u64;
        let [hole, their_hole] =
            [&pair.source, &pair.destination].map(|side| side.is_hole(self.position, length));
        if hole && their_hole && self.end() <= pair.destination.size() {
            return Ok(Vec::new());
        }
        read_side(&pair.source, &mut self.source, self.position, hole)?;
        if presume && !their_hole {
            return Ok(self.blocks.clone());
        }
        let lent = (!their_hole)
            .then(|| pair.destination.lend(self.position, self.source.len()))
            .flatten();
        let theirs: &[u8] = if let Some(lent) = &lent {
            lent
        } else {
            let (side, buffer) = (&pair.destination, &mut self.destination);
            read_side(side, buffer, self.position, their_hole)?;
            &self.destination
        };
        let differs = |block: &&Extent| {
            let range = self.range(block);
            block.position + u64::from(block.length) > pair.destination.size()
                || self.source[range.clone()] != theirs[range]
        };
        Ok(self.blocks.iter().filter(differs).copied().collect())
    }

    fn end(&self) -> u64 {
        self.blocks
            .last()
            .map_or(self.position, |last| last.position + u64::from(last.length))
    }

    /// Returns the range of a block in the memory of either side.
    fn range(&self, block: &Extent) -> std::ops::Range<usize> {
        // It is below the length of a step, so it fits.
        let start = usize::try_from(block.position - self.position).unwrap_or(usize::MAX);
        start..start + block.length as usize
    }

    /// Returns blocks of the source, ready to be written. Neighbours become one, so that they are written from where they are; only blocks
    /// of zeros that become holes stay apart.
    fn placed(&self, blocks: &[Extent], zero_blocks: ZeroBlocks) -> Vec<PlacedBlock<'_>> {
        let content = |block: &Extent| Content::Bytes(&self.source[self.range(block)]);
        let hole =
            |block: &Extent| zero_blocks == ZeroBlocks::MakeHoles && content(block).is_zero();
        let joins = |block: &Extent, next: &Extent| {
            block.position + u64::from(block.length) == next.position && !hole(block) && !hole(next)
        };
        let joined = blocks.chunk_by(joins).filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            Some(PlacedBlock {
                position: first.position,
                content: Content::Bytes(
                    &self.source[self.range(first).start..self.range(last).end],
                ),
            })
        });
        joined.collect()
    }
}

/// Fills `buffer` with what `side` has at `position`. A hole is not read.
fn read_side(side: &Source, buffer: &mut [u8], position: u64, hole: bool) -> Result<(), Error> {
    if hole {
        buffer.fill(0);
        return Ok(());
    }
    read_range(side, buffer, position)
}
