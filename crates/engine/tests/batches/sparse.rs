//! Files with holes.

use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};

use blockcopy_engine::{Direct, Sink, SinkOptions, Source};
use proptest::prelude::*;
use tempfile::NamedTempFile;

use crate::support::{MIB, PAGE, empty_file, file, skip};

/// Writes a file with this content; pages of zeros become holes as `wanted` says.
pub(crate) fn sparse(content: &[u8], wanted: impl Fn(usize) -> bool) -> NamedTempFile {
    let file = empty_file();
    file.as_file().set_len(content.len() as u64).unwrap();
    for (page, bytes) in content.chunks(PAGE).enumerate() {
        if bytes.iter().any(|&byte| byte != 0) || !wanted(page) {
            let offset = (page * PAGE) as u64;
            file.as_file().write_all_at(bytes, offset).unwrap();
        }
    }
    file
}

/// Pages of zeros to make holes: all of them, or bit `n` of the byte for every page with number `n` modulo 8.
pub(crate) fn pattern() -> impl Strategy<Value = u8> {
    prop_oneof![Just(0xFF), any::<u8>()]
}

/// Returns true if a page of zeros shall be a hole.
pub(crate) fn wanted(pattern: u8, page: usize) -> bool {
    pattern >> (page % 8) & 1 == 1
}

/// Returns true for each page of a file with allocated space.
pub(crate) fn stored(file: &NamedTempFile) -> Vec<bool> {
    let source = Source::open(file.path(), Direct::Auto).unwrap();
    let size = source.size();
    let mut pages = vec![false; (size as usize).div_ceil(PAGE)];
    let mut at = 0;
    while at < size {
        let data = source.data_from(at);
        if data.is_empty() {
            break;
        }
        pages[data.start as usize / PAGE..(data.end as usize).div_ceil(PAGE)].fill(true);
        at = data.end;
    }
    pages
}

/// Returns the allocated space of a file in bytes.
pub(crate) fn allocated(file: &NamedTempFile) -> u64 {
    file.as_file().metadata().unwrap().blocks() * 512
}

/// Returns the number of the first of the adjacent blocks of zeros that end with this one: they are one hole, which is made as a whole or
/// not at all.
pub(crate) fn first_of_hole(blocks: &[(Range<usize>, bool)], number: usize) -> usize {
    let joins = |first: usize| {
        first > 0 && blocks[first - 1].1 && blocks[first - 1].0.end == blocks[first].0.start
    };
    let mut first = number;
    while blocks[number].1 && joins(first) {
        first -= 1;
    }
    first
}

/// Returns true if files can have holes here, in units of a page. Otherwise the test is skipped.
pub(crate) fn are_possible() -> bool {
    let probe = file(&vec![1; MIB]);
    let sink = Sink::open(probe.path(), SinkOptions::default()).unwrap();
    sink.zero(PAGE as u64, PAGE as u64).unwrap();
    sink.sync().unwrap();
    let possible = stored(&probe)[..3] == [true, false, true];
    if !possible {
        skip("no holes of 4096 bytes on this file system");
    }
    possible
}
