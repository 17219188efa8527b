//! Reading the blocks of a batch, several reads at a time, and passing each piece to the workers.

use std::sync::Arc;

use blockcopy_blockio::{ALIGNMENT, Slot, Source};

use crate::content::Content;
use crate::extent::Extent;
use crate::gather::Gather;
use crate::reads::{Piece, ReadOp, pieces};
use crate::threads::guard;
use crate::{Done, Engine, Error};

/// Block that has been read.
pub(crate) struct Block<'a> {
    /// Index in the batch.
    pub(crate) index: usize,
    /// The extent asked for.
    pub(crate) extent: Extent,
    /// Its bytes: fewer than asked for at the end of the source, none beyond it. For a hole only the length is valid; see
    /// [`Block::fill`].
    pub(crate) data: &'a mut [u8],
    /// True if the block is in a hole of the source: it was not read, and its content is zeros.
    pub(crate) hole: bool,
    /// Offset of `data` in the slot, in bytes.
    pub(crate) offset: usize,
}

impl Block<'_> {
    /// Returns the content.
    pub(crate) fn content(&self) -> Content<'_> {
        if self.hole {
            Content::Zeros(self.data.len())
        } else {
            Content::of(self.data)
        }
    }

    /// Fills in the zeros of a hole, for callers that need the bytes.
    pub(crate) fn fill(&mut self) {
        if self.hole {
            self.data.fill(0);
            self.hole = false;
        }
    }
}

impl Engine {
    /// Reads `extents` into `slot`, several at a time, and runs `work` on the blocks of each piece on the worker threads. Passes all
    /// results of `work` to `done`, in the order of the batch.
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

/// Piece and the parts of the slot that it is read into.
struct PieceBuffers(Vec<ReadBuffer>);

/// Read and the part of the slot that it fills.
struct ReadBuffer {
    run: ReadOp,
    /// Index in the batch of its first block.
    first: usize,
    /// Offset of `buffer` in the slot, in bytes.
    offset: usize,
    buffer: Slot,
    /// True if all of it is in a hole and was not read.
    hole: bool,
}

/// Assigns each read its part of the slot, one after the other.
fn place(pieces: Vec<Piece>, slot: Slot) -> Result<Vec<PieceBuffers>, Error> {
    let mut rest = slot;
    let mut first = 0;
    let mut offset = 0;
    let mut placed = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let mut runs = Vec::with_capacity(piece.len());
        for run in piece {
            // Direct I/O needs aligned memory as well.
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

/// Releases the buffers of a piece that is no longer needed.
fn dropped<T>(placed: PieceBuffers) -> Vec<T> {
    drop(placed);
    Vec::new()
}

impl PieceBuffers {
    /// Reads the piece.
    fn read(&mut self, source: &Source) -> Result<(), Error> {
        self.0.iter_mut().try_for_each(|run| run.read(source))
    }

    /// Returns the blocks of the piece, cut off at `size`, the end of the source.
    fn blocks(&mut self, size: u64) -> Vec<Block<'_>> {
        self.0.iter_mut().flat_map(|run| run.blocks(size)).collect()
    }
}

/// Refuses a range that reaches beyond the end of `source`.
pub(crate) fn check_range(source: &Source, position: u64, length: u64) -> Result<(), Error> {
    let end = position.checked_add(length);
    if end.is_none_or(|end| end > source.size()) {
        return Err(Error::Request(
            "a range reaches beyond the end of the source",
        ));
    }
    Ok(())
}

/// Fills `buffer` from `position` on, up to the size that the source had when it was opened. The position and the length of the buffer
/// must be multiples of the granularity.
pub(crate) fn read_range(source: &Source, buffer: &mut [u8], position: u64) -> Result<(), Error> {
    let wanted = source.size().saturating_sub(position);
    let wanted = usize::try_from(wanted).map_or(buffer.len(), |wanted| wanted.min(buffer.len()));
    if wanted == 0 {
        return Ok(());
    }
    // Not past the last sector of a device, whose size need not be a multiple of the buffer.
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
    /// Reads the range, unless it is a hole.
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

    /// Returns the blocks of the read, cut off at `size`, the end of the source.
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
