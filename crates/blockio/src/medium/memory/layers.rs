//! Layers of content: the page cache, the disk with its own cache, and the data that survives a crash.

use std::ops::Range;

use crate::medium::Region;

/// Length of a page, in bytes.
pub(super) const PAGE: usize = 4096;

#[derive(Debug, Clone, Copy, Default)]
struct Page {
    /// True if the page is cached.
    cached: bool,
    /// True if the cached page is not on the disk.
    dirty: bool,
    /// True if space is allocated for it; otherwise it is a hole.
    stored: bool,
}

/// Content as a reader sees it, as the disk holds it, and as a crash leaves it.
#[derive(Debug)]
pub(super) struct Layers {
    /// Differs from `disk` only in dirty pages, and in cached pages whose writeback failed.
    seen: Vec<u8>,
    /// Has the length of `seen`.
    disk: Vec<u8>,
    durable: Vec<u8>,
    pages: Vec<Page>,
    dirty: usize,
    most_dirty: usize,
    /// True if dirty pages count as a hole until they are written back.
    hides_dirty: bool,
}

impl Layers {
    pub(super) fn new(content: Vec<u8>) -> Self {
        let stored = Page {
            stored: true,
            ..Page::default()
        };
        Self {
            disk: content.clone(),
            durable: content.clone(),
            pages: vec![stored; content.len().div_ceil(PAGE)],
            seen: content,
            dirty: 0,
            most_dirty: 0,
            hides_dirty: false,
        }
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.seen
    }

    pub(super) fn durable(&self) -> &[u8] {
        &self.durable
    }

    pub(super) fn dirty(&self) -> usize {
        self.dirty
    }

    pub(super) fn most_dirty(&self) -> usize {
        self.most_dirty
    }

    pub(super) fn cached(&self, range: Range<usize>) -> usize {
        self.count(touched(range), |page| page.cached)
    }

    pub(super) fn allocated(&self) -> usize {
        self.count(0..self.pages.len(), |page| page.stored)
    }

    fn count(&self, pages: Range<usize>, counts: impl Fn(&Page) -> bool) -> usize {
        self.pages[pages].iter().filter(|page| counts(page)).count() * PAGE
    }

    pub(super) fn hide_dirty(&mut self) {
        self.hides_dirty = true;
    }

    /// Returns the number of cached bytes at the start of the range.
    pub(super) fn cached_prefix(&self, range: Range<usize>) -> usize {
        let pages = touched(range.clone());
        let missing = pages.clone().find(|&index| !self.pages[index].cached);
        missing.map_or(range.len(), |index| {
            (index * PAGE).saturating_sub(range.start)
        })
    }

    pub(super) fn bring_in(&mut self, range: Range<usize>) {
        for page in &mut self.pages[touched(range)] {
            page.cached = true;
        }
    }

    /// Reads directly.
    pub(super) fn disk(&self, range: Range<usize>) -> &[u8] {
        &self.disk[range]
    }

    /// Writes through the page cache.
    pub(super) fn write(&mut self, data: &[u8], offset: usize) {
        let range = self.make_room(offset, data.len());
        self.seen[range.clone()].copy_from_slice(data);
        for page in &mut self.pages[touched(range)] {
            self.dirty += if page.dirty { 0 } else { PAGE };
            *page = Page {
                cached: true,
                dirty: true,
                stored: page.stored || !self.hides_dirty,
            };
        }
        self.most_dirty = self.most_dirty.max(self.dirty);
    }

    /// Writes directly; nothing in the range may be dirty.
    pub(super) fn write_directly(&mut self, data: &[u8], offset: usize) {
        let range = self.make_room(offset, data.len());
        let pages = touched(range.clone());
        self.drop_pages(pages.clone());
        self.seen[range.clone()].copy_from_slice(data);
        self.disk[range].copy_from_slice(data);
        for page in &mut self.pages[pages] {
            page.stored = true;
        }
    }

    /// Returns the bytes of the pages completely within a range. The end of the content also ends a page.
    pub(super) fn whole_pages(&self, range: Range<usize>) -> Range<usize> {
        let end = if range.end == self.seen.len() {
            range.end
        } else {
            range.end - range.end % PAGE
        };
        range.start.next_multiple_of(PAGE).min(end)..end
    }

    /// Zeroes a range within the content.
    pub(super) fn zero(&mut self, range: Range<usize>) {
        self.seen[range.clone()].fill(0);
        self.disk[range.clone()].fill(0);
        let whole = touched(self.whole_pages(range));
        for page in &mut self.pages[whole] {
            self.dirty -= if page.dirty { PAGE } else { 0 };
            *page = Page {
                stored: page.stored,
                ..Page::default()
            };
        }
    }

    /// Zeroes a range within the content. Whole pages become holes.
    pub(super) fn punch(&mut self, range: Range<usize>) {
        self.zero(range.clone());
        let whole = touched(self.whole_pages(range));
        for page in &mut self.pages[whole] {
            page.stored = false;
        }
    }

    /// Sets the length; the new part is a hole.
    pub(super) fn resize(&mut self, len: usize) {
        let pages = len.div_ceil(PAGE);
        for page in self.pages.drain(pages.min(self.pages.len())..) {
            self.dirty -= if page.dirty { PAGE } else { 0 };
        }
        self.pages.resize(pages, Page::default());
        self.seen.resize(len, 0);
        self.disk.resize(len, 0);
    }

    /// Returns the ranges of the dirty pages in a range.
    pub(super) fn dirty_pages(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let dirty = touched(range).filter(|&index| self.pages[index].dirty);
        let bytes = |index| index * PAGE..self.seen.len().min((index + 1) * PAGE);
        dirty.map(bytes).collect()
    }

    /// Writes a dirty page to the disk.
    pub(super) fn write_back(&mut self, page: Range<usize>) {
        self.give_up(page.clone());
        self.pages[page.start / PAGE].stored = true;
        self.disk[page.clone()].copy_from_slice(&self.seen[page]);
    }

    /// Marks a dirty page as clean, although the disk has refused it.
    pub(super) fn give_up(&mut self, page: Range<usize>) {
        self.pages[page.start / PAGE].dirty = false;
        self.dirty -= PAGE;
    }

    /// Drops the clean pages completely within a range from the page cache.
    pub(super) fn drop_cached(&mut self, range: Range<usize>) {
        self.drop_pages(touched(self.whole_pages(range)));
    }

    /// Shows the content of the disk again, even if it is older.
    fn drop_pages(&mut self, pages: Range<usize>) {
        for index in pages {
            let page = &mut self.pages[index];
            if page.cached && !page.dirty {
                page.cached = false;
                let bytes = index * PAGE..self.seen.len().min((index + 1) * PAGE);
                self.seen[bytes.clone()].copy_from_slice(&self.disk[bytes]);
            }
        }
    }

    /// The disk empties its own cache.
    pub(super) fn flush(&mut self) {
        self.durable.clone_from(&self.disk);
    }

    /// Extends it to the end of a range.
    fn make_room(&mut self, offset: usize, len: usize) -> Range<usize> {
        let end = offset + len;
        if end > self.seen.len() {
            self.resize(end);
        }
        offset..end
    }

    /// Returns the first offset at or after `offset` with data, or in a hole; `None` if there is none.
    pub(super) fn next(&self, region: Region, offset: usize) -> Option<usize> {
        let stored = region == Region::Data;
        let found =
            (offset / PAGE..self.pages.len()).find(|&index| self.pages[index].stored == stored);
        found.map(|index| (index * PAGE).max(offset))
    }
}

/// Returns the indices of the pages that a range of bytes touches.
fn touched(range: Range<usize>) -> Range<usize> {
    if range.is_empty() {
        return 0..0;
    }
    range.start / PAGE..range.end.div_ceil(PAGE)
}
