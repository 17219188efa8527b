//! Cutting a batch of blocks into reads.

use std::mem::take;

use crate::Error;
use crate::extent::{Extent, PIECE_LEN};

/// Adjacent extents of the source that are read with one call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReadOp {
    /// The extents, in ascending order and without a gap.
    pub(crate) extents: Vec<Extent>,
    /// Offset in the source of the first byte to read, a multiple of the granularity.
    pub(crate) position: u64,
    /// Bytes to read, a multiple of the granularity.
    pub(crate) length: usize,
}

/// Reads that are processed together, adjacent or not, because several blocks are hashed faster than one. At least one read.
pub(crate) type Piece = Vec<ReadOp>;

/// Limit for the reads of a piece: the number of default blocks in [`PIECE_LEN`]. A piece is read by one thread, so more reads would
/// keep other threads idle.
const PIECE_READS: usize = 8;

/// Cuts a batch into pieces, in the order of the batch.
///
/// # Errors
/// [`Error::Request`] if an extent reaches beyond 2^64.
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
        let full = bytes + length > PIECE_LEN || (!joins && piece.len() == PIECE_READS);
        if full && !piece.is_empty() {
            pieces.push(take(&mut piece));
            bytes = 0;
        }
        bytes += length;
        match piece.last_mut() {
            Some(read) if joins => {
                read.length = length_from(read.position)?;
                read.extents.push(extent);
            }
            _ => {
                let position = extent.position - extent.position % granularity;
                piece.push(ReadOp {
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

    /// Number of extents in each read of each piece.
    fn shape(pieces: &[Piece]) -> Vec<Vec<usize>> {
        let read = |read: &ReadOp| read.extents.len();
        let piece = |piece: &Piece| piece.iter().map(read).collect();
        pieces.iter().map(piece).collect()
    }

    #[test]
    fn adjacent_blocks_are_read_together_up_to_a_mebibyte() {
        let blocks: Vec<_> = Extent::blocks(0, 20 * 131_072 + 5, 131_072).collect();
        assert_eq!(blocks.len(), 21);
        assert_eq!(blocks[20], extent(20 * 131_072, 5));
        let pieces = pieces(&blocks, 512).unwrap();
        assert_eq!(shape(&pieces), [[8], [8], [5]]);
        assert_eq!(pieces[2][0].length, 4 * 131_072 + 512);
    }

    #[test]
    fn unaligned_adjacent_blocks_are_read_together_too() {
        let blocks: Vec<_> = Extent::blocks(1, 16 * 131_072, 131_072).collect();
        let pieces = pieces(&blocks, 512).unwrap();
        assert_eq!(shape(&pieces), [[8], [8]]);
        assert_eq!(
            (pieces[1][0].position, pieces[1][0].length),
            (1 << 20, (1 << 20) + 512)
        );
    }

    #[test]
    fn gaps_steps_back_and_repeats_begin_a_new_read_of_the_same_piece() {
        let batch = [
            extent(4096, 10),
            extent(8192, 10),
            extent(0, 10),
            extent(0, 10),
            extent(10, 10),
        ];
        let pieces = pieces(&batch, 4096).unwrap();
        assert_eq!(shape(&pieces), [[1, 1, 1, 2]]);
        assert!(pieces[0].iter().all(|read| read.length == 4096));
    }

    #[test]
    fn a_piece_has_at_most_eight_reads_and_a_mebibyte() {
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
