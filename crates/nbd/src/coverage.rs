//! Parts of a read that have arrived.

use std::collections::BTreeMap;

/// Limit for the parts that do not touch each other. No server needs that many: each part costs it a header.
const MAX_PARTS: usize = 65_536;

/// Ranges of a buffer that were filled, each from its start to its end. Those that touch are joined.
#[derive(Debug, Default)]
pub(crate) struct Coverage(BTreeMap<usize, usize>);

impl Coverage {
    /// Adds a range that is not empty. Returns false if some of it was added before, or if there are too many parts.
    pub(crate) fn add(&mut self, start: usize, end: usize) -> bool {
        let before = self.0.range(..=start).next_back();
        let before = before.map(|(&start, &end)| (start, end));
        let after = self.0.range(start..).next();
        let after = after.map(|(&start, &end)| (start, end));
        if before.is_some_and(|(_, filled)| filled > start)
            || after.is_some_and(|(next, _)| next < end)
        {
            return false;
        }
        let from = match before {
            Some((from, filled)) if filled == start => from,
            _ => start,
        };
        let to = match after {
            Some((next, to)) if next == end => {
                self.0.remove(&next);
                to
            }
            _ => end,
        };
        self.0.insert(from, to);
        self.0.len() <= MAX_PARTS
    }

    /// Returns true if all of a buffer of `len` bytes was filled.
    pub(crate) fn is_whole(&self, len: usize) -> bool {
        len == 0 || self.0.get(&0) == Some(&len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_byte_is_taken_twice_and_a_gap_is_seen(ranges in prop::collection::vec((0..40_usize, 1..12_usize), 0..24)) {
            let mut coverage = Coverage::default();
            let mut bytes = [false; 64];
            for (start, len) in ranges {
                let range = &mut bytes[start..start + len];
                let is_new = range.iter().all(|taken| !taken);
                prop_assert_eq!(coverage.add(start, start + len), is_new);
                if !is_new {
                    return Ok(());
                }
                range.fill(true);
                for len in 0..64 {
                    let filled = bytes.iter().take_while(|taken| **taken).count();
                    prop_assert_eq!(coverage.is_whole(len), len == 0 || filled == len);
                }
            }
        }
    }
}
