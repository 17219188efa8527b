//! Dirty bitmaps of exports.

use std::ops::Range;
use std::path::Path;

use blockcopy_nbd::{Client, Context};

use crate::Error;
use crate::medium::{connect, window};

/// Reads a dirty bitmap of QEMU: the ranges of the export that the URI `path` names which have changed since the bitmap was begun, in
/// ascending order, at most `most`. All of the export is asked about, or this fails.
///
/// # Errors
/// [`Error::NoBitmap`] if the server does not offer the bitmap, or if anything about it is not understood; otherwise as
/// [`Source::open`](crate::Source::open) of an export.
pub fn dirty_ranges(path: &Path, bitmap: &str, most: usize) -> Result<Vec<Range<u64>>, Error> {
    let client = connect(path, Context::DirtyBitmap(bitmap.to_owned()))?;
    read_all(&client, most).map_err(|reason| Error::NoBitmap {
        path: path.to_owned(),
        bitmap: bitmap.to_owned(),
        reason,
    })
}

/// Returns all dirty ranges; if that is not possible, the reason, as a clause.
fn read_all(client: &Client, most: usize) -> Result<Vec<Range<u64>>, String> {
    let size = client.export().size;
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    while at < size {
        let extents = client.extents(at, window(at, size));
        let extents = extents.map_err(|failure| failure.to_string())?;
        for extent in extents.ok_or("the server does not offer it")? {
            let is_dirty = extent.is_dirty();
            let end = at + extent.len;
            if is_dirty.ok_or("the server tells of it in an unknown way")? {
                let joins = ranges.last().is_some_and(|last| last.end == at);
                if !joins && ranges.len() == most {
                    return Err(format!("it has more than {most} ranges"));
                }
                match ranges.last_mut() {
                    Some(last) if joins => last.end = end,
                    _ => ranges.push(at..end),
                }
            }
            at = end;
        }
    }
    Ok(ranges)
}
