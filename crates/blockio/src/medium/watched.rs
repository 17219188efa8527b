//! Medium whose calls are known while they have not returned.

use std::path::Path;
use std::sync::Arc;

use blockcopy_nbd::Lent;
use rustix::fd::BorrowedFd;

use super::pending::{Pending, Target};
use super::{Access, Export, Medium, Region, Result, Zeroing};
use crate::Time;
use crate::sys::Stat;

/// Any medium. See [`longest_wait`](crate::longest_wait).
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Box<dyn Medium>,
    target: Arc<Target>,
}

impl Watched {
    /// Watches a medium that was opened by `path`.
    pub(crate) fn over(inner: Box<dyn Medium>, path: &Path) -> Box<dyn Medium> {
        let target = Target::new(path);
        Box::new(Self { inner, target })
    }

    fn call(&self, action: &'static str) -> Pending {
        self.target.call(action, None)
    }

    fn call_at(&self, action: &'static str, offset: u64) -> Pending {
        self.target.call(action, Some(offset))
    }
}

impl Medium for Watched {
    fn granularity(&self) -> Option<usize> {
        self.inner.granularity()
    }

    fn reader(&self, direct: bool) -> Result<Box<dyn Medium>> {
        let _call = self.call("reopen");
        self.inner.reader(direct)
    }

    fn export(&self) -> Option<&Export> {
        self.inner.export()
    }

    fn descriptor(&self) -> Result<BorrowedFd<'_>> {
        self.inner.descriptor()
    }

    fn stat(&self) -> Result<Stat> {
        let _call = self.call("stat");
        self.inner.stat()
    }

    fn set_owner(&self, user: Option<u32>, group: Option<u32>) -> Result<()> {
        let _call = self.call("set the owner");
        self.inner.set_owner(user, group)
    }

    fn set_mode(&self, mode: u32) -> Result<()> {
        let _call = self.call("set the permissions");
        self.inner.set_mode(mode)
    }

    fn set_times(&self, accessed: Time, modified: Time) -> Result<()> {
        let _call = self.call("set the times");
        self.inner.set_times(accessed, modified)
    }

    fn size(&self) -> Result<u64> {
        let _call = self.call("find the size");
        self.inner.size()
    }

    fn read(&self, access: Access, buf: &mut [u8], offset: u64) -> Result<usize> {
        let _call = self.call_at("read", offset);
        self.inner.read(access, buf, offset)
    }

    fn lend(&self, offset: u64, len: usize) -> Option<Lent> {
        let _call = self.call_at("read", offset);
        self.inner.lend(offset, len)
    }

    fn write(&self, access: Access, data: &[u8], offset: u64) -> Result<usize> {
        let _call = self.call_at("write", offset);
        self.inner.write(access, data, offset)
    }

    fn zero(&self, how: Zeroing, offset: u64, len: u64) -> Result<()> {
        let _call = self.call_at("zero", offset);
        self.inner.zero(how, offset, len)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let _call = self.call("set the length");
        self.inner.set_len(len)
    }

    fn sync(&self) -> Result<()> {
        let _call = self.call("sync");
        self.inner.sync()
    }

    fn sync_all(&self) -> Result<()> {
        let _call = self.call("sync");
        self.inner.sync_all()
    }

    fn write_back(&self) -> Result<()> {
        let _call = self.call("sync");
        self.inner.write_back()
    }

    fn next(&self, region: Region, offset: u64) -> Result<u64> {
        let _call = self.call_at("look for holes", offset);
        self.inner.next(region, offset)
    }

    fn is_cached(&self, offset: u64, len: u64) -> Result<bool> {
        self.inner.is_cached(offset, len)
    }

    fn read_cached(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        self.inner.read_cached(buf, offset)
    }

    fn read_ahead(&self, wanted: bool) {
        self.inner.read_ahead(wanted);
    }

    fn drop_cached(&self, offset: u64, len: u64) {
        self.inner.drop_cached(offset, len);
    }

    fn start_writeback(&self, offset: u64, len: u64) -> Result<()> {
        let _call = self.call_at("write", offset);
        self.inner.start_writeback(offset, len)
    }

    fn finish_writeback(&self, offset: u64, len: u64) -> Result<()> {
        let _call = self.call_at("write", offset);
        self.inner.finish_writeback(offset, len)
    }
}
