//! Blocks as ranges of a source, and how a batch of them is cut into reads.

use std::mem::take;

use crate::Error;

/// The most that one read asks for, in bytes, unless a single block is larger.
///
/// Large enough that the cost of a read does not count, small enough that a batch is several reads,
/// which run at the same time.
pub const PIECE_LEN: usize = 1024 * 1024;

/// A block of a source: where it begins and how long it is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Offset of its first byte.
    pub position: u64,
    /// Length in bytes.
    pub length: u32,
}

impl Extent {
    /// The extents of the consecutive blocks that cover `length` bytes from `position`; the last may be short.
    pub fn blocks(position: u64, length: u64, block_len: u32) -> impl Iterator<Item = Self> {
        let step = u64::from(block_len.max(1));
        (0..length.div_ceil(step)).map(move |index| Self {
            position: position + index * step,
            // At most block_len, so it fits.
            length: u32::try_from(step.min(length - index * step)).unwrap_or(block_len),
        })
    }

    /// Offset of the byte after the block, or `None` beyond 2^64.
    fn end(self) -> Option<u64> {
        self.position.checked_add(u64::from(self.length))
    }
}

/// Extents that lie side by side in the source, read at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The extents, in ascending order and without a gap.
    pub(crate) extents: Vec<Extent>,
    /// Offset in the source of the first byte to read, a multiple of the granularity.
    pub(crate) position: u64,
    /// How many bytes to read, a multiple of the granularity.
    pub(crate) length: usize,
}

/// Runs that are worked on together, whether they lie side by side or not: several blocks are hashed faster than one. At least
/// one run.
pub(crate) type Piece = Vec<Run>;

/// The most runs of a piece: as many as there are blocks in one of [`PIECE_LEN`]. They are read one after the other, so more
/// would keep other threads from reading at the same time.
const PIECE_RUNS: usize = 8;

/// Cuts a batch into pieces, in the order of the batch.
///
/// # Errors
/// [`Error::Request`] when an extent reaches beyond 2^64.
pub(crate) fn pieces(extents: &[Extent], granularity: usize) -> Result<Vec<Piece>, Error> {
    const BEYOND: Error = Error::Request("a block lies beyond 2^64");
    let granularity = granularity as u64;
    let mut pieces = Vec::new();
    let mut piece = Piece::new();
    let mut bytes = 0;
    let mut next = None;
    for &extent in extents {
        let end = extent.end().ok_or(BEYOND)?;
        let aligned_end = end.checked_next_multiple_of(granularity).ok_or(BEYOND)?;
        let length_from = |position| usize::try_from(aligned_end - position).map_err(|_| BEYOND);
        let joins = next == Some(extent.position);
        next = Some(end);

        let length = extent.length as usize;
        let full = bytes + length > PIECE_LEN || (!joins && piece.len() == PIECE_RUNS);
        if full && !piece.is_empty() {
            pieces.push(take(&mut piece));
            bytes = 0;
        }
        bytes += length;
        match piece.last_mut() {
            Some(run) if joins => {
                run.length = length_from(run.position)?;
                run.extents.push(extent);
            }
            _ => {
                let position = extent.position - extent.position % granularity;
                piece.push(Run {
                    extents: vec![extent],
                    position,
                    length: length_from(position)?,
                });
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(position: u64, length: u32) -> Extent {
        Extent { position, length }
    }

    /// How many extents each run of each piece has.
    fn shape(pieces: &[Piece]) -> Vec<Vec<usize>> {
        let run = |run: &Run| run.extents.len();
        let piece = |piece: &Piece| piece.iter().map(run).collect();
        pieces.iter().map(piece).collect()
    }

    #[test]
    fn neighbours_are_read_at_once_up_to_a_mebibyte() {
        let blocks: Vec<_> = Extent::blocks(0, 20 * 131_072 + 5, 131_072).collect();
        assert_eq!(blocks.len(), 21);
        assert_eq!(blocks[20], extent(20 * 131_072, 5));
        let pieces = pieces(&blocks, 512).unwrap();
        assert_eq!(shape(&pieces), [[8], [8], [5]]);
        assert_eq!(pieces[2][0].length, 4 * 131_072 + 512);
    }

    #[test]
    fn as_many_neighbours_when_they_are_not_aligned() {
        let blocks: Vec<_> = Extent::blocks(1, 16 * 131_072, 131_072).collect();
        let pieces = pieces(&blocks, 512).unwrap();
        assert_eq!(shape(&pieces), [[8], [8]]);
        assert_eq!(
            (pieces[1][0].position, pieces[1][0].length),
            (1 << 20, (1 << 20) + 512)
        );
    }

    #[test]
    fn gaps_steps_back_and_repeats_begin_a_new_run_of_the_same_piece() {
        let batch = [
            extent(4096, 10),
            extent(8192, 10),
            extent(0, 10),
            extent(0, 10),
            extent(10, 10),
        ];
        let pieces = pieces(&batch, 4096).unwrap();
        assert_eq!(shape(&pieces), [[1, 1, 1, 2]]);
        assert!(pieces[0].iter().all(|run| run.length == 4096));
    }

    #[test]
    fn a_piece_has_at_most_eight_runs_and_a_mebibyte() {
        let small: Vec<_> = (0..20).map(|at| extent(at * 8192, 4096)).collect();
        assert_eq!(
            shape(&pieces(&small, 4096).unwrap()),
            [vec![1; 8], vec![1; 8], vec![1; 4]]
        );
        let large: Vec<_> = (0..5).map(|at| extent(at * 2_000_000, 400_000)).collect();
        assert_eq!(
            shape(&pieces(&large, 512).unwrap()),
            [vec![1; 2], vec![1; 2], vec![1; 1]]
        );
        let huge: Vec<_> = Extent::blocks(0, 6_000_000, 2_000_000).collect();
        assert_eq!(shape(&pieces(&huge, 512).unwrap()), [[1], [1], [1]]);
    }

    #[test]
    fn unaligned_blocks_are_widened_to_the_granularity() {
        let pieces = pieces(&[extent(1000, 131_072)], 512).unwrap();
        assert_eq!((pieces[0][0].position, pieces[0][0].length), (512, 131_584));
    }

    #[test]
    fn a_block_beyond_the_largest_offset_is_refused() {
        assert!(pieces(&[extent(u64::MAX, 2)], 512).is_err());
        assert!(pieces(&[extent(u64::MAX - 100, 50)], 512).is_err());
    }
}
