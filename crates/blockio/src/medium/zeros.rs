//! Ranges of an export that read as zeros.

use blockcopy_nbd::Extent;

use super::Result;

/// Bytes that a server is asked about at a time.
const WINDOW: u64 = 1024 * 1024 * 1024;

/// Limit for the runs that are kept. One reply can have as many.
const MAX_RUNS: usize = 1 << 20;

/// Least number of bytes that an answer is taken to cover. Of a shorter one, all of them may not be zeros: with an answer for each byte, a
/// server could keep a copy from ever ending.
const LEAST: u64 = 64 * 1024;

/// Returns the number of bytes to ask about at `at`, up to the end of the export.
pub(super) fn window(at: u64, size: u64) -> u32 {
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
                None => {
                    let extents = ask(at, window(at, size))?;
                    self.append(&extents, (size - at).min(LEAST));
                }
            }
        }
        Ok(None)
    }

    fn end(&self) -> u64 {
        self.runs.last().map_or(self.start, |run| run.end)
    }

    /// Appends extents, each of at least one byte; if they have fewer than `shortest` bytes together, as many that may not be zeros.
    fn append(&mut self, extents: &[Extent], shortest: u64) {
        let covered: u64 = extents.iter().map(|extent| extent.len).sum();
        let data = [Extent {
            len: shortest,
            flags: 0,
        }];
        let extents = if covered < shortest { &data } else { extents };
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

    /// Answers as a server with [`LEAST`] bytes per element of `zero`, in replies of at most `most` elements.
    fn answer(zero: &[bool], most: usize, offset: u64, len: u32) -> Vec<Extent> {
        let start = usize::try_from(offset / LEAST).unwrap();
        let count = most.min(usize::try_from(u64::from(len) / LEAST).unwrap());
        let mut extents: Vec<Extent> = zero[start..][..count]
            .iter()
            .map(|&zero| Extent {
                len: LEAST,
                flags: if zero { 2 } else { 1 },
            })
            .collect();
        extents[0].len -= offset % LEAST;
        extents
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_next_byte_of_a_kind_is_found_from_anywhere(
            zero in prop::collection::vec(any::<bool>(), 1..60),
            most in 1..70_usize,
            queries in prop::collection::vec((0..60_u64, any::<bool>()), 1..20),
        ) {
            let size = zero.len() as u64 * LEAST;
            let mut zeros = Zeros::default();
            for (element, wanted) in queries {
                let ask = |offset, len| Ok(answer(&zero, most, offset, len));
                let found = zeros.next(wanted, element * LEAST, size, ask).unwrap();
                let elements = element..zero.len() as u64;
                let expected = elements.map(|at| at * LEAST).find(|&at| zero[usize::try_from(at / LEAST).unwrap()] == wanted);
                prop_assert_eq!(found, expected);
            }
        }
    }

    /// Returns the number of questions about an export of this size whose server answers with `len` bytes of zeros at a time.
    fn questions(size: u64, len: u64) -> u64 {
        let asked = Cell::new(0);
        let mut zeros = Zeros::default();
        for offset in (0..size).step_by(usize::try_from(LEAST).unwrap()) {
            let ask = |_, wanted| {
                asked.set(asked.get() + 1);
                Ok(vec![Extent {
                    len: u64::from(wanted).min(len),
                    flags: 2,
                }])
            };
            zeros.next(false, offset, size, ask).unwrap();
        }
        asked.get()
    }

    #[test]
    fn each_byte_is_asked_about_once_if_they_are_read_in_order() {
        assert_eq!(questions(1000 * LEAST, 100 * LEAST), 10);
    }

    #[test]
    fn answers_for_single_bytes_are_taken_for_no_zeros() {
        assert_eq!(questions(1000 * LEAST, 1), 1000);
        let ask = |_, _| Ok(vec![Extent { len: 1, flags: 2 }]);
        let next = |offset, size| Zeros::default().next(false, offset, size, ask).unwrap();
        assert_eq!(next(5, 2 * LEAST), Some(5));
        // All of the last byte was told.
        assert_eq!(next(5, 6), None);
    }
}
