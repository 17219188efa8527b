//! Compressing blocks that are in memory already.

use std::sync::Arc;

use blockcopy_blockio::Slot;

use crate::codec::{self, Codec, Compression};
use crate::extent::Extent;
use crate::gather::{Gather, refuse};
use crate::{Done, Engine, Error};

/// Payload that a block was compressed to, in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Encoding of the payload: [`Codec::Raw`] if compressing would not have made the block smaller.
    pub codec: Codec,
    /// Length of the payload in bytes.
    pub length: usize,
}

impl Engine {
    /// Compresses blocks of a source, each in place if that makes it smaller, on the worker threads. The blocks lie in `slot` one after
    /// the other; `extents` has their lengths, and their positions for a message.
    ///
    /// # Errors
    /// Passed to `done`: blocks that do not fit into the slot, a failure of the compressor.
    pub fn pack(
        self: &Arc<Self>,
        slot: Slot,
        extents: &[Extent],
        compression: Compression,
        done: impl Done<Vec<Packed>>,
    ) {
        let length: usize = extents.iter().map(|extent| extent.length as usize).sum();
        if length > slot.len() {
            let error = Error::Request("the blocks do not fit into the slot");
            return refuse(slot, error, done);
        }
        let blocks = parts(slot, extents);
        let gather = Gather::new(blocks.len(), done);
        for (index, (extent, mut block)) in blocks.into_iter().enumerate() {
            let gather = Arc::clone(&gather);
            self.workers.spawn_fifo(move || {
                gather.finish(index, move || {
                    Ok(vec![packed(&mut block, extent, compression)?])
                });
            });
        }
    }
}

/// Gives each extent its part of the slot. The rest of the slot is released.
fn parts(slot: Slot, extents: &[Extent]) -> Vec<(Extent, Slot)> {
    let mut rest = slot;
    let mut parts = Vec::with_capacity(extents.len());
    for &extent in extents {
        let (part, remainder) = rest.split_at(extent.length as usize);
        parts.push((extent, part));
        rest = remainder;
    }
    parts
}

fn packed(block: &mut [u8], extent: Extent, compression: Compression) -> Result<Packed, Error> {
    let payload = codec::encode(block, compression).map_err(|reason| Error::Compressor {
        position: extent.position,
        reason,
    })?;
    let Some(payload) = payload else {
        return Ok(Packed {
            codec: Codec::Raw,
            length: block.len(),
        });
    };
    block[..payload.len()].copy_from_slice(&payload);
    Ok(Packed {
        codec: compression.codec(),
        length: payload.len(),
    })
}
