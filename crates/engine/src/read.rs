//! Reading the blocks of a batch, several reads at a time, and handing each piece to the workers.

use std::sync::Arc;

use blockcopy_blockio::{ALIGNMENT, Slot, Source};

use crate::content::Content;
use crate::extent::Extent;
use crate::gather::Gather;
use crate::reads::{Piece, ReadOp, pieces};
use crate::threads::guard;
use crate::{Done, Engine, Error};

/// A block that has been read.
pub(crate) struct Block<'a> {
    /// Its place in the batch, counted from zero.
    pub(crate) index: usize,
    /// The block that was asked for.
    pub(crate) extent: Extent,
    /// What the source has of it: shorter than asked for at the end of the source, empty beyond it. Of a hole only the length is
    /// right; see [`Block::fill`].
    pub(crate) data: &'a mut [u8],
    /// It lies in a hole of the source and was not read: its content is zeros.
    pub(crate) hole: bool,
    /// Where `data` lies in the slot, in bytes.
    pub(crate) offset: usize,
}

impl Block<'_> {
    /// What is in it.
    pub(crate) fn content(&self) -> Content<'_> {
        if self.hole {
            Content::Zeros(self.data.len())
        } else {
            Content::of(self.data)
        }
    }

    /// Makes the zeros of a hole be there, for whoever needs the bytes.
    pub(crate) fn fill(&mut self) {
        if self.hole {
            self.data.fill(0);
            self.hole = false;
        }
    }
}

impl Engine {
    /// Reads `extents` into `slot`, several at once, runs `work` on the blocks of each piece on the worker threads, and
    /// gives `done` what `work` returned for all of them, in the order of the batch.
    pub(crate) fn for_each_piece<T: Send + 'static>(
        self: &Arc<Self>,
        source: &Arc<Source>,
        slot: Slot,
        extents: &[Extent],
        work: impl Fn(&Engine, &mut [Block<'_>]) -> Result<Vec<T>, Error> + Send + Sync + 'static,
        done: impl Done<Vec<T>>,
    ) {
        let placed =
            match pieces(extents, source.granularity()).and_then(|pieces| place(pieces, slot)) {
                Ok(placed) => placed,
                Err(error) => return done(Err(error)),
            };
        let gather = Gather::new(placed.len(), done);
        let work = Arc::new(work);
        for (number, mut placed) in placed.into_iter().enumerate() {
            let engine = Arc::clone(self);
            let source = Arc::clone(source);
            let gather = Arc::clone(&gather);
            let work = Arc::clone(&work);
            self.io.spawn_fifo(move || {
                if gather.is_void(number) {
                    return gather.finish(number, move || Ok(dropped(placed)));
                }
                if let Err(error) = guard(|| placed.read(&source)) {
                    return gather.finish(number, move || {
                        drop(placed);
                        Err(error)
                    });
                }
                let workers = Arc::clone(&engine);
                workers.workers.spawn_fifo(move || {
                    gather.finish(number, move || {
                        let mut placed = placed;
                        work(&engine, &mut placed.blocks(source.size()))
                    });
                });
            });
        }
    }
}

/// A piece and the parts of the slot that its runs are read into.
struct PieceBuffers(Vec<ReadBuffer>);

/// A run and the part of the slot that it is read into.
struct ReadBuffer {
    run: ReadOp,
    /// Place in the batch of its first block.
    first: usize,
    /// Where `buffer` begins in the slot, in bytes.
    offset: usize,
    buffer: Slot,
    /// All of it lies in a hole, so it was not read.
    hole: bool,
}

/// Gives each run its part of the slot, one after the other.
fn place(pieces: Vec<Piece>, slot: Slot) -> Result<Vec<PieceBuffers>, Error> {
    let mut rest = slot;
    let mut first = 0;
    let mut offset = 0;
    let mut placed = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let mut runs = Vec::with_capacity(piece.len());
        for run in piece {
            // The memory that a read fills is aligned as well.
            let length = run.length.next_multiple_of(ALIGNMENT);
            if length > rest.len() {
                return Err(Error::Request(
                    "the blocks of a batch do not fit into its slot",
                ));
            }
            let (buffer, remainder) = rest.split_at(length);
            rest = remainder;
            let count = run.extents.len();
            runs.push(ReadBuffer {
                run,
                first,
                offset,
                buffer,
                hole: false,
            });
            first += count;
            offset += length;
        }
        placed.push(PieceBuffers(runs));
    }
    Ok(placed)
}

/// Lets go of the buffers of a piece that need not be read any more.
fn dropped<T>(placed: PieceBuffers) -> Vec<T> {
    drop(placed);
    Vec::new()
}

impl PieceBuffers {
    /// Reads the piece.
    fn read(&mut self, source: &Source) -> Result<(), Error> {
        self.0.iter_mut().try_for_each(|run| run.read(source))
    }

    /// The blocks of the piece, each cut off at `size`, the end of the source.
    fn blocks(&mut self, size: u64) -> Vec<Block<'_>> {
        self.0.iter_mut().flat_map(|run| run.blocks(size)).collect()
    }
}

/// Refuses a range that `source` does not have.
pub(crate) fn check_range(source: &Source, position: u64, length: u64) -> Result<(), Error> {
    let end = position.checked_add(length);
    if end.is_none_or(|end| end > source.size()) {
        return Err(Error::Request(
            "a range reaches beyond the end of the source",
        ));
    }
    Ok(())
}

/// Fills `buffer` with what `source` has from `position` on. What lies beyond the size that the source had when it was opened is not
/// asked for. The position and the length of the buffer are multiples of the granularity.
pub(crate) fn read_range(source: &Source, buffer: &mut [u8], position: u64) -> Result<(), Error> {
    let wanted = source.size().saturating_sub(position);
    let wanted = usize::try_from(wanted).map_or(buffer.len(), |wanted| wanted.min(buffer.len()));
    if wanted == 0 {
        return Ok(());
    }
    // Not past the last sector of a device, whose size need not be a multiple of the run.
    let ask = wanted
        .next_multiple_of(source.granularity())
        .min(buffer.len());
    let got = source.read_at(&mut buffer[..ask], position)?;
    if got < wanted {
        return Err(Error::Shrank {
            path: source.path().to_owned(),
            offset: source.end_before(position + got as u64),
            size: source.size(),
        });
    }
    Ok(())
}

impl ReadBuffer {
    /// Reads the run, unless it is a hole.
    fn read(&mut self, source: &Source) -> Result<(), Error> {
        self.hole = source.is_hole(self.run.position, self.run.length as u64);
        if self.hole {
            return Ok(());
        }
        read_range(
            source,
            &mut self.buffer[..self.run.length],
            self.run.position,
        )
    }

    /// The blocks of the run, each cut off at `size`, the end of the source.
    fn blocks(&mut self, size: u64) -> Vec<Block<'_>> {
        let lead = self
            .run
            .extents
            .first()
            .map_or(0, |extent| extent.position - self.run.position);
        // Less than the granularity, so it fits.
        let mut at = usize::try_from(lead).unwrap_or(0);
        let mut rest = &mut self.buffer[at..];
        let mut blocks = Vec::with_capacity(self.run.extents.len());
        for (index, &extent) in (self.first..).zip(&self.run.extents) {
            let length = extent.length as usize;
            let (data, remainder) = std::mem::take(&mut rest).split_at_mut(length);
            rest = remainder;
            let present =
                usize::try_from(size.saturating_sub(extent.position)).unwrap_or(usize::MAX);
            let data = &mut data[..present.min(length)];
            blocks.push(Block {
                index,
                extent,
                data,
                hole: self.hole,
                offset: self.offset + at,
            });
            at += length;
        }
        blocks
    }
}
