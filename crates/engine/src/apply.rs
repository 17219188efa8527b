//! Writing the blocks of a batch to the destination.

use std::sync::Arc;

use blockcopy_blockio::{Sink, Slot};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

use crate::decode::Decoded;
use crate::digest::{Algorithm, Digests};
use crate::frame::Frame;
use crate::threads::guard;
use crate::writes::{PlacedBlock, WriteOp, ZeroBlocks, waves, without_needless_holes, writes};
use crate::{Done, Engine, Error};

/// Options for writing a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Treatment of blocks of zeros.
    pub zero_blocks: ZeroBlocks,
    /// Digest the blocks by this algorithm, for a later verification.
    pub digest: Option<Algorithm>,
    /// Digest of each frame. A block with another digest is refused. Frames of zeros are not checked: they have no payload that could be
    /// damaged.
    pub expected: Option<Digests>,
}

/// Blocks of a batch that were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Length of each block in bytes, after decoding.
    pub lengths: Vec<u32>,
    /// Digest of each block, one after the other; empty if none were asked for.
    pub digests: Vec<u8>,
}

impl Engine {
    /// Writes `frames`, whose payloads are in `slot`, to `sink`. If frames overlap, the later one wins.
    ///
    /// Nothing is synced: see [`Engine::sync`]. Batches for the same sink must be applied one after the other.
    ///
    /// # Errors
    /// Passed to `done`: the first failure in the order of the frames. That is a write that failed, a block beyond the end of a device, a
    /// payload that does not decode, or a block with another digest than expected. The frames before it have been written, and some of
    /// those after it may have been; a refused block has not.
    pub fn apply(
        self: &Arc<Self>,
        sink: &Arc<Sink>,
        slot: Slot,
        frames: Vec<Frame>,
        options: ApplyOptions,
        done: impl Done<Applied>,
    ) {
        let engine = Arc::clone(self);
        let sink = Arc::clone(sink);
        self.io.spawn_fifo(move || {
            let outcome = guard(|| engine.write_frames(&sink, &slot, &frames, &options));
            drop(slot);
            done(outcome);
        });
    }

    /// Waits until everything written to `sink` is on the disk.
    ///
    /// # Errors
    /// Passed to `done`: the error of the system; the content of the destination is unknown then.
    pub fn sync(self: &Arc<Self>, sink: &Arc<Sink>, done: impl Done<()>) {
        let sink = Arc::clone(sink);
        self.io.spawn_fifo(move || done(guard(|| Ok(sink.sync()?))));
    }

    /// Decodes the block of `frame`, whose payload is in `slot`, and compares it with its digest, without writing it.
    ///
    /// # Errors
    /// Passed to `done`: a payload that does not decode, or a block with another digest.
    pub fn check(self: &Arc<Self>, slot: Slot, frame: Frame, digest: Digests, done: impl Done<()>) {
        let engine = Arc::clone(self);
        self.io.spawn_fifo(move || {
            let outcome = guard(|| engine.check_frame(&slot, frame, &digest));
            drop(slot);
            done(outcome);
        });
    }

    fn check_frame(&self, memory: &[u8], frame: Frame, digest: &Digests) -> Result<(), Error> {
        if digest.count() != Some(1) {
            return Err(Error::Request("there is not one digest per block"));
        }
        let blocks: Vec<_> = self
            .decode(memory, &[frame])
            .into_iter()
            .collect::<Result<_, _>>()?;
        let position = frame.position;
        match self.first_wrong(&blocks, None, digest, 0) {
            Some(_) => Err(Error::WrongDigest { position }),
            None => Ok(()),
        }
    }

    fn write_frames(
        &self,
        sink: &Sink,
        memory: &[u8],
        frames: &[Frame],
        options: &ApplyOptions,
    ) -> Result<Applied, Error> {
        let expected = options.expected.as_ref();
        if expected.is_some_and(|digests| digests.count() != Some(frames.len())) {
            return Err(Error::Request("there is not one digest per block"));
        }
        let mut applied = Applied::default();
        let mut first = 0;
        while first < frames.len() {
            let group = self.decoded_together(&frames[first..]);

            // Each block alone, not as part of a larger write: a refusal would include the frames before it.
            let fitting = self.decode(memory, group).into_iter().zip(group);
            let fitting = fitting.map(|(block, frame)| {
                let block = block?;
                sink.check(frame.position, block.content().len() as u64)?;
                Ok(block)
            });
            let (mut blocks, mut failure) = until_failure(fitting);
            let mut digests = options
                .digest
                .map(|algorithm| self.digest_blocks(algorithm, &blocks));
            let wrong = expected
                .and_then(|theirs| self.first_wrong(&blocks, digests.as_ref(), theirs, first));
            if let Some(wrong) = wrong {
                blocks.truncate(wrong);
                let position = group[wrong].position;
                failure = Some(Error::WrongDigest { position });
            }

            write_blocks(sink, group, &blocks, options.zero_blocks)?;
            if let Some(error) = failure {
                return Err(error);
            }
            if let Some(digests) = &mut digests {
                applied.digests.append(&mut digests.bytes);
            }
            let length =
                |block: &Decoded<'_>| u32::try_from(block.content().len()).unwrap_or(u32::MAX);
            applied.lengths.extend(blocks.iter().map(length));
            first += group.len();
        }
        Ok(applied)
    }
}

/// Writes `blocks`, which belong to the first of `frames`. If blocks overlap, the later one wins.
fn write_blocks(
    sink: &Sink,
    frames: &[Frame],
    blocks: &[Decoded<'_>],
    zero_blocks: ZeroBlocks,
) -> Result<(), Error> {
    let placed = frames.iter().zip(blocks).map(|(frame, block)| PlacedBlock {
        position: frame.position,
        content: block.content(),
    });
    // A new image should take no more space than its data.
    let placed: Vec<_> = if sink.untouched() < u64::MAX && zero_blocks == ZeroBlocks::MakeHoles {
        placed.flat_map(PlacedBlock::grains).collect()
    } else {
        placed.collect()
    };
    let write = |write: &WriteOp<'_>| write.run(sink);
    let writes = without_needless_holes(writes(&placed, zero_blocks), sink);
    for wave in waves(&writes) {
        if sink.is_direct() {
            let results: Vec<_> = wave.par_iter().with_max_len(1).map(write).collect();
            results.into_iter().collect::<Result<(), _>>()?;
        } else {
            // Through the page cache one thread is as fast as many.
            wave.iter().try_for_each(write)?;
        }
    }
    Ok(())
}

/// Returns the values before the first failure, and that failure.
fn until_failure<T>(
    results: impl ExactSizeIterator<Item = Result<T, Error>>,
) -> (Vec<T>, Option<Error>) {
    let mut values = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(error) => return (values, Some(error)),
        }
    }
    (values, None)
}
