//! Applying: writing the blocks of a batch to the destination.

use std::borrow::Cow;
use std::sync::Arc;

use blockcopy_blockio::{Sink, Slot};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::gather::guard;
use crate::{Done, Engine, Error, xz};

/// How many compressed blocks are decoded before they are written, so that blocks which decode to the largest size
/// do not fill the memory of a machine with many cores.
const MAX_DECODED: usize = 16;

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

impl Engine {
    /// Writes `frames`, whose payloads lie in `slot`, to `sink` in the order given, and gives `done` how many bytes it wrote.
    ///
    /// They are not synced: that is [`Engine::sync`]. Batches for the same sink must be applied one after the
    /// other when they may overlap.
    ///
    /// # Errors
    /// To `done`: the first write that failed, a block beyond the end of a device, or a payload that does not
    /// decode; frames before it have been written, nothing of it has.
    pub fn apply(
        self: &Arc<Self>,
        sink: &Arc<Sink>,
        slot: Slot,
        frames: Vec<Frame>,
        done: impl Done<u64>,
    ) {
        let engine = Arc::clone(self);
        let sink = Arc::clone(sink);
        self.io.spawn_fifo(move || {
            let outcome = guard(|| engine.write_frames(&sink, &slot, &frames));
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

    fn write_frames(&self, sink: &Sink, memory: &[u8], frames: &[Frame]) -> Result<u64, Error> {
        let mut written = 0;
        for group in frames.chunks(self.workers.current_num_threads().min(MAX_DECODED)) {
            for (frame, block) in group.iter().zip(self.blocks(memory, group)) {
                let block = block?;
                sink.write_all_at(&block, frame.position)?;
                written += block.len() as u64;
            }
        }
        Ok(written)
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

fn payload<'a>(memory: &'a [u8], frame: &Frame) -> Result<&'a [u8], Error> {
    let end = frame.offset.checked_add(frame.length);
    end.and_then(|end| memory.get(frame.offset..end))
        .ok_or(Error::Request("a payload lies outside its slot"))
}
