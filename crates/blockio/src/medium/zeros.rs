//! Ranges of an export that read as zeros.

use blockcopy_nbd::Extent;

use super::Result;

/// Bytes that a server is asked about at a time.
const WINDOW: u64 = 1024 * 1024 * 1024;

/// Limit for the runs that are kept. One reply can have as many.
const MAX_RUNS: usize = 1 << 20;

/// Returns the number of bytes to ask about at `at`, up to the end of the export.
pub(crate) fn window(at: u64, size: u64) -> u32 {
    // At most a window, so it fits.
    u32::try_from(WINDOW.min(size - at)).unwrap_or(u32::MAX)
}

/// Run of bytes that all read as zeros, or may not.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Offset of the byte after it. It begins where the previous run ends.
    end: u64,
    zero: bool,
}

/// Runs that a server has told of, without a gap. An export is mostly read in order, so each of its ranges is asked about once.
///
/// An answer holds for the moment in which it was given. Bytes that are written later do not change it, so whoever reads back what was
/// written must begin with an empty one.
#[derive(Debug, Default)]
pub(super) struct Zeros {
    /// Offset of the first byte of the first run.
    start: u64,
    runs: Vec<Run>,
}

impl Zeros {
    /// Returns the first offset at or after `offset` whose byte reads as zero, or for `zero` false, may not; `None` if no byte before `size`
    /// does. Asks with `ask`, by offset and length, about what is not known yet.
    pub(super) fn next(
        &mut self,
        zero: bool,
        offset: u64,
        size: u64,
        ask: impl Fn(u64, u32) -> Result<Vec<Extent>>,
    ) -> Result<Option<u64>> {
        if offset < self.start || offset > self.end() {
            self.start = offset;
            self.runs.clear();
        }
        let mut at = offset;
        while at < size {
            let index = self.runs.partition_point(|run| run.end <= at);
            match self.runs.get(index) {
                Some(run) if run.zero == zero => return Ok(Some(at)),
                Some(run) => at = run.end,
                None => self.append(&ask(at, window(at, size))?),
            }
        }
        Ok(None)
    }

    fn end(&self) -> u64 {
        self.runs.last().map_or(self.start, |run| run.end)
    }

    /// Appends extents; each has at least one byte.
    fn append(&mut self, extents: &[Extent]) {
        if self.runs.len() > MAX_RUNS {
            self.start = self.end();
            self.runs.clear();
        }
        for extent in extents {
            let end = self.end() + extent.len;
            match self.runs.last_mut() {
                Some(last) if last.zero == extent.is_zero() => last.end = end,
                _ => self.runs.push(Run {
                    end,
                    zero: extent.is_zero(),
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    /// Answers as a server with one byte per element of `zero`, in replies of at most `most` bytes.
    fn answer(zero: &[bool], most: usize, offset: u64, len: u32) -> Vec<Extent> {
        let start = usize::try_from(offset).unwrap();
        let len = most.min(len as usize);
        let extent = |&zero: &bool| Extent {
            len: 1,
            flags: if zero { 2 } else { 1 },
        };
        zero[start..][..len].iter().map(extent).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_next_byte_of_a_kind_is_found_from_anywhere(
            zero in prop::collection::vec(any::<bool>(), 1..60),
            most in 1..70_usize,
            queries in prop::collection::vec((0..60_u64, any::<bool>()), 1..20),
        ) {
            let size = zero.len() as u64;
            let mut zeros = Zeros::default();
            for (offset, wanted) in queries {
                let ask = |offset, len| Ok(answer(&zero, most, offset, len));
                let found = zeros.next(wanted, offset, size, ask).unwrap();
                let expected = (offset..size).find(|&at| zero[usize::try_from(at).unwrap()] == wanted);
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn each_byte_is_asked_about_once_if_they_are_read_in_order() {
        let asked = Cell::new(0);
        let mut zeros = Zeros::default();
        for offset in 0..1000 {
            let ask = |_, len| {
                asked.set(asked.get() + 1);
                Ok(vec![Extent {
                    len: u64::from(len).min(100),
                    flags: 2,
                }])
            };
            assert_eq!(zeros.next(false, offset, 1000, ask), Ok(None));
        }
        assert_eq!(asked.get(), 10);
    }
}
