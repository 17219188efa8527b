//! Applying: writing the blocks of a batch to the destination.

use std::borrow::Cow;
use std::sync::Arc;

use blockcopy_blockio::{Sink, Slot};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::digest::{Algorithm, Message};
use crate::gather::guard;
use crate::runs::{Placed, Run, runs, waves};
use crate::{Done, Engine, Error, xz};

/// How many compressed blocks are decoded before they are written, so that blocks which decode to the largest size
/// do not fill the memory of a machine with many cores.
const MAX_DECODED: usize = 4;

/// How many blocks a thread digests together: as many as the widest vectors have lanes.
const DIGESTED: usize = 8;

/// How a payload is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// The block itself.
    Raw,
    /// One stream in the .xz format.
    Xz,
}

/// A block to write: where it belongs, and where its payload lies in the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Offset in the destination, in bytes.
    pub position: u64,
    /// How the payload is coded.
    pub codec: Codec,
    /// Where the payload lies in the slot, in bytes.
    pub offset: usize,
    /// Length of the payload in bytes.
    pub length: usize,
}

/// What blocks of zeros become in the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zeros {
    /// Zeros, written as any other block.
    #[default]
    Written,
    /// Holes where the destination can have any; see [`Sink::zero`].
    Holes,
}

/// How a batch is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// What becomes of blocks of zeros.
    pub zeros: Zeros,
    /// By which algorithm the blocks are digested on the way, for whoever wants to read them back; not at all without one.
    pub digest: Option<Algorithm>,
}

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The length of each block, in bytes: for a compressed one, that of what it decoded to.
    pub lengths: Vec<u32>,
    /// The digest of each block, one after the other; empty if none were asked for.
    pub digests: Vec<u8>,
}

impl Engine {
    /// Writes `frames`, whose payloads lie in `slot`, to `sink`, and gives `done` what it wrote. Where frames overlap, the
    /// later one wins.
    ///
    /// They are not synced: that is [`Engine::sync`]. Batches for the same sink must be applied one after the other.
    ///
    /// # Errors
    /// To `done`: a write that failed, the first one in the order of the frames, a block beyond the end of a device, or a payload
    /// that does not decode. Frames before it have been written, and some of those behind it may have been.
    pub fn apply(
        self: &Arc<Self>,
        sink: &Arc<Sink>,
        slot: Slot,
        frames: Vec<Frame>,
        manner: Manner,
        done: impl Done<Applied>,
    ) {
        let engine = Arc::clone(self);
        let sink = Arc::clone(sink);
        self.io.spawn_fifo(move || {
            let outcome = guard(|| engine.write_frames(&sink, &slot, &frames, manner));
            drop(slot);
            done(outcome);
        });
    }

    /// Waits until all that was written to `sink` is on the disk.
    ///
    /// # Errors
    /// To `done`: what the system says; the content of the destination is then unknown.
    pub fn sync(self: &Arc<Self>, sink: &Arc<Sink>, done: impl Done<()>) {
        let sink = Arc::clone(sink);
        self.io.spawn_fifo(move || done(guard(|| Ok(sink.sync()?))));
    }

    fn write_frames(
        &self,
        sink: &Sink,
        memory: &[u8],
        frames: &[Frame],
        manner: Manner,
    ) -> Result<Applied, Error> {
        let mut rest = frames;
        let mut applied = Applied::default();
        while let Some(first) = rest.first() {
            let raw = first.codec == Codec::Raw;
            let alike = rest
                .iter()
                .take_while(|frame| (frame.codec == Codec::Raw) == raw);
            let count = if raw {
                alike.count()
            } else {
                alike.take(self.decoded()).count()
            };
            let (group, behind) = rest.split_at(count);
            rest = behind;

            // Each on its own, not as part of a run, with which the frames before it would be refused.
            let fitting = self.blocks(memory, group).into_iter().zip(group);
            let fitting = fitting.map(|(block, frame)| {
                let block = block?;
                sink.check(frame.position, block.len() as u64)?;
                Ok(block)
            });
            let (blocks, failure) = until_failure(fitting);
            let placed: Vec<_> = group
                .iter()
                .zip(&blocks)
                .map(|(frame, block)| Placed {
                    position: frame.position,
                    data: block,
                })
                .collect();
            write_blocks(sink, &placed, manner.zeros)?;
            if let Some(error) = failure {
                return Err(error);
            }
            if let Some(algorithm) = manner.digest {
                let digests = self.digest_blocks(algorithm, &blocks);
                applied.digests.extend(digests);
            }
            let length = |block: &Cow<'_, [u8]>| u32::try_from(block.len()).unwrap_or(u32::MAX);
            applied.lengths.extend(blocks.iter().map(length));
        }
        Ok(applied)
    }

    /// The digests of `blocks`, one after the other, by all workers.
    fn digest_blocks(&self, algorithm: Algorithm, blocks: &[Cow<'_, [u8]>]) -> Vec<u8> {
        let digests = |group: &[Cow<'_, [u8]>]| {
            let messages: Vec<_> = group.iter().map(|block| Message::of(block)).collect();
            self.digest_many(algorithm, &messages).bytes
        };
        let groups: Vec<_> = self
            .workers
            .install(|| blocks.par_chunks(DIGESTED).map(digests).collect());
        groups.concat()
    }

    /// How many blocks are decoded at once.
    fn decoded(&self) -> usize {
        self.workers.current_num_threads().min(MAX_DECODED)
    }

    /// The blocks of `frames`, each decoded if it is compressed.
    fn blocks<'a>(&self, memory: &'a [u8], frames: &[Frame]) -> Vec<Result<Cow<'a, [u8]>, Error>> {
        let block = |frame: &Frame| {
            let payload = payload(memory, frame)?;
            match frame.codec {
                Codec::Raw => Ok(Cow::Borrowed(payload)),
                Codec::Xz => {
                    xz::decode(payload)
                        .map(Cow::Owned)
                        .map_err(|reason| Error::CorruptBlock {
                            position: frame.position,
                            reason,
                        })
                }
            }
        };
        if frames.iter().all(|frame| frame.codec == Codec::Raw) {
            return frames.iter().map(block).collect();
        }
        self.workers
            .install(|| frames.par_iter().map(block).collect())
    }
}

/// Writes blocks, of which the later one wins where they overlap.
fn write_blocks(sink: &Sink, blocks: &[Placed<'_>], zeros: Zeros) -> Result<(), Error> {
    let write = |run: &Run<'_>| run.write(sink);
    for wave in waves(&runs(blocks, zeros)) {
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

/// What there is before the first failure, and that failure.
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

fn payload<'a>(memory: &'a [u8], frame: &Frame) -> Result<&'a [u8], Error> {
    let end = frame.offset.checked_add(frame.length);
    end.and_then(|end| memory.get(frame.offset..end))
        .ok_or(Error::Request("a payload lies outside its slot"))
}
