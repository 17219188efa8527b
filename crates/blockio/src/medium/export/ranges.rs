//! Ranges of an export: those that a dirty bitmap names, or that are allocated.

use std::ops::Range;
use std::path::Path;

use blockcopy_nbd::{Context, Extent};

use super::connect;
use crate::medium::zeros::window;
use crate::{Error, ExportMap};

/// Reads a map of the export that the URI `path` names: its ranges in ascending order, at most `most`. All of the export is asked about, or
/// this fails.
///
/// # Errors
/// [`Error::NoMap`] if the server does not offer the map, or if anything about it is not understood; otherwise as
/// [`Source::open`](crate::Source::open) of an export.
pub fn export_ranges(path: &Path, map: &ExportMap, most: usize) -> Result<Vec<Range<u64>>, Error> {
    let context = match map {
        ExportMap::DirtyBitmap(name) => Context::DirtyBitmap(name.clone()),
        ExportMap::Allocation => Context::Allocation,
    };
    let client = connect(path, context)?;
    let size = client.export().size;
    let ask = |at, len| {
        client
            .extents(at, len)
            .map_err(|failure| failure.to_string())
    };
    read_all(map, size, most, ask).map_err(|reason| Error::NoMap {
        path: path.to_owned(),
        map: map.clone(),
        reason,
    })
}

/// Answers of any length that are accepted.
const ANY_ANSWERS: u64 = 10_000;

/// Least number of bytes of all other answers, on average. With an answer for each byte, a server could keep a copy from ever beginning.
const LEAST: u64 = 4096;

/// Returns all ranges; if that is not possible, the reason, as a clause.
fn read_all(
    map: &ExportMap,
    size: u64,
    most: usize,
    ask: impl Fn(u64, u32) -> Result<Option<Vec<Extent>>, String>,
) -> Result<Vec<Range<u64>>, String> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    for answers in 0_u64.. {
        if at >= size {
            break;
        }
        if answers.saturating_sub(ANY_ANSWERS) * LEAST > at {
            return Err("the server tells of it in pieces that are too small".to_owned());
        }
        for extent in ask(at, window(at, size))?.ok_or("the server does not offer it")? {
            let end = at + extent.len;
            if map
                .names(&extent)
                .ok_or("the server tells of it in an unknown way")?
            {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the bitmap of a server that answers with `len` bytes at a time, every second time dirty ones.
    fn read(size: u64, len: u64) -> Result<usize, String> {
        let ask = |at, wanted| {
            let len = len.min(u64::from(wanted));
            let flags = u32::from(at / len % 2 == 1);
            Ok(Some(vec![Extent { len, flags }]))
        };
        let map = ExportMap::DirtyBitmap(String::new());
        read_all(&map, size, 1 << 20, ask).map(|ranges| ranges.len())
    }

    #[test]
    fn only_a_hole_of_zeros_is_not_allocated() {
        let named = [0, 1, 2, 3, 4, 7].map(|flags| {
            let extent = Extent { len: 1, flags };
            ExportMap::Allocation.names(&extent)
        });
        assert_eq!(named, [true, true, true, false, true, true].map(Some));
    }

    #[test]
    fn answers_that_never_come_to_an_end_are_given_up() {
        assert_eq!(read(1 << 30, 4096), Ok(1 << 17));
        assert_eq!(read(10_000, 1), Ok(5000));
        let refusal = read(1 << 40, 1).unwrap_err();
        assert!(refusal.contains("too small"), "{refusal}");
    }
}
