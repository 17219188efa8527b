//! Single blocks in the LZ4 block format (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>).

use std::cell::RefCell;

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};

thread_local! {
    /// Match table of this thread. Allocating one per block would cost as much as compressing a short block.
    static TABLE: RefCell<CompressTable> = RefCell::new(CompressTable::large());
}

/// Compresses a block. Returns `None` if the result would not be smaller than the block.
pub(super) fn encode(block: &[u8]) -> Option<Vec<u8>> {
    let mut payload = vec![0; get_maximum_output_size(block.len())];
    let length = encode_into(block, &mut payload)?;
    payload.truncate(length);
    (length < block.len()).then_some(payload)
}

/// Compresses a block into `payload` and returns the compressed length in bytes, or `None` if `payload` is too small.
pub(super) fn encode_into(block: &[u8], payload: &mut [u8]) -> Option<usize> {
    TABLE.with_borrow_mut(|table| compress_into_with_table(block, payload, table).ok())
}

/// Decodes a block of `length` bytes.
///
/// # Errors
/// The defect, as a clause.
pub(super) fn decode(payload: &[u8], length: usize) -> Result<Vec<u8>, &'static str> {
    let mut block = vec![0; length];
    let decoded = decompress_into(payload, &mut block)
        .map_err(|_| "it is not an LZ4 block of the length that came with it")?;
    // The caller refuses a block that is too short.
    block.truncate(decoded);
    Ok(block)
}
