//! Files and devices of the kernel.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

use super::{Access, Medium, Region, Result, Zeroing};
use crate::node::Kind;
use crate::sys::{self, DirectAlignment, Errno, Stat};
use crate::{ALIGNMENT, Time};

/// Regular file or block device, open twice if direct I/O is possible.
#[derive(Debug)]
pub(crate) struct Disk {
    kind: Kind,
    buffered: OwnedFd,
    /// Same file, open with `O_DIRECT`, and its granularity.
    direct: Option<(OwnedFd, usize)>,
    /// True if no other descriptor shares the offset of `buffered`, so that looking for holes may move it.
    owns_offset: bool,
}

impl Disk {
    /// Wraps `buffered`, and opens it again for direct I/O if `direct` is set.
    pub(crate) fn new(kind: Kind, buffered: OwnedFd, direct: bool) -> Self {
        let granularity = match sys::direct_alignment(&buffered) {
            DirectAlignment::Known(bytes) => Some(bytes),
            DirectAlignment::Unknown => Some(ALIGNMENT),
            DirectAlignment::Refused => None,
        };
        let direct = granularity
            .filter(|bytes| direct && bytes.is_power_of_two() && *bytes <= ALIGNMENT)
            // Reopened by descriptor, so that both are the same file even if the path changes.
            .and_then(|bytes| Some((sys::reopen_direct(&buffered).ok()?, bytes)));
        Self {
            kind,
            buffered,
            direct,
            owns_offset: true,
        }
    }

    /// Marks the offset of the descriptor as shared with other processes, which may rely on it.
    pub(crate) fn with_shared_offset(mut self) -> Self {
        self.owns_offset = false;
        self
    }

    /// Makes a reader of a descriptor that was opened again, if that was possible.
    fn reader_by(&self, reopened: Result<OwnedFd>, direct: bool) -> Result<Self> {
        match reopened {
            // This descriptor is open for reading too where /proc was missing from the beginning.
            Err(Errno::NOENT) if sys::is_open_for_both(&self.buffered)? => {
                let fd = sys::duplicate(&self.buffered)?;
                Ok(Self::new(self.kind, fd, direct).with_shared_offset())
            }
            fd => Ok(Self::new(self.kind, fd?, direct)),
        }
    }

    fn fd(&self, access: Access) -> Result<&OwnedFd> {
        match access {
            Access::Buffered => Ok(&self.buffered),
            Access::Direct => self.direct.as_ref().map(|(fd, _)| fd).ok_or(Errno::INVAL),
        }
    }
}

impl AsFd for Disk {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.buffered.as_fd()
    }
}

impl Medium for Disk {
    fn granularity(&self) -> Option<usize> {
        self.direct.as_ref().map(|(_, granularity)| *granularity)
    }

    fn reader(&self, direct: bool) -> Result<Box<dyn Medium>> {
        let reader = self.reader_by(sys::reopen_for_reading(&self.buffered), direct)?;
        // Reading back must not change the access time, which may have just been set.
        sys::keep_access_time(&reader.buffered);
        if let Some((direct, _)) = &reader.direct {
            sys::keep_access_time(direct);
        }
        Ok(Box::new(reader))
    }

    fn descriptor(&self) -> Result<BorrowedFd<'_>> {
        Ok(self.buffered.as_fd())
    }

    fn stat(&self) -> Result<Stat> {
        sys::fstat(&self.buffered)
    }

    fn set_owner(&self, user: Option<u32>, group: Option<u32>) -> Result<()> {
        sys::set_owner(&self.buffered, user, group)
    }

    fn set_mode(&self, mode: u32) -> Result<()> {
        sys::set_mode(&self.buffered, mode)
    }

    fn set_times(&self, accessed: Time, modified: Time) -> Result<()> {
        sys::set_times(&self.buffered, accessed, modified)
    }

    fn size(&self) -> Result<u64> {
        match self.kind {
            Kind::File => sys::fstat(&self.buffered).map(|stat| stat.size),
            Kind::Device => sys::device_size(&self.buffered),
        }
    }

    fn read(&self, access: Access, buf: &mut [u8], offset: u64) -> Result<usize> {
        sys::read(self.fd(access)?, buf, offset)
    }

    fn write(&self, access: Access, data: &[u8], offset: u64) -> Result<usize> {
        sys::write(self.fd(access)?, data, offset)
    }

    fn zero(&self, how: Zeroing, offset: u64, len: u64) -> Result<()> {
        match (how, self.kind) {
            (Zeroing::PunchHole, _) => sys::punch_hole(&self.buffered, offset, len),
            (Zeroing::ZeroRange, _) => sys::zero_range(&self.buffered, offset, len),
            (Zeroing::ZeroOut, Kind::Device) => sys::zero_out(&self.buffered, offset, len),
            (Zeroing::ZeroOut, Kind::File) => Err(Errno::OPNOTSUPP),
        }
    }

    fn set_len(&self, len: u64) -> Result<()> {
        sys::set_len(&self.buffered, len)
    }

    fn sync(&self) -> Result<()> {
        sys::sync_data(&self.buffered)
    }

    fn sync_all(&self) -> Result<()> {
        sys::sync_all(&self.buffered)
    }

    fn write_back(&self) -> Result<()> {
        match sys::sync_data(&self.buffered) {
            // There is nothing to sync on some file systems that are only read, as on squashfs.
            Err(Errno::INVAL | Errno::ROFS) => Ok(()),
            synced => synced,
        }
    }

    fn next(&self, region: Region, offset: u64) -> Result<u64> {
        if self.kind == Kind::Device || !self.owns_offset {
            return Err(Errno::OPNOTSUPP);
        }
        match region {
            Region::Data => sys::next_data(&self.buffered, offset),
            Region::Hole => sys::next_hole(&self.buffered, offset),
        }
    }

    fn is_cached(&self, offset: u64, len: u64) -> Result<bool> {
        sys::is_cached(&self.buffered, offset, len)
    }

    fn read_cached(&self, buf: &mut [u8], offset: u64) -> Result<usize> {
        sys::read_cached(&self.buffered, buf, offset)
    }

    fn read_ahead(&self, wanted: bool) {
        if wanted {
            sys::advise_sequential(&self.buffered);
        } else {
            sys::advise_random(&self.buffered);
        }
    }

    fn drop_cached(&self, offset: u64, len: u64) {
        sys::advise_dont_need(&self.buffered, offset, len);
    }

    fn start_writeback(&self, offset: u64, len: u64) -> Result<()> {
        sys::start_writeback(&self.buffered, offset, len)
    }

    fn finish_writeback(&self, offset: u64, len: u64) -> Result<()> {
        sys::finish_writeback(&self.buffered, offset, len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_opened_again_is_read_only_by_a_descriptor_for_reading_and_writing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"content").unwrap();
        let disk = |read: bool| {
            let mut options = std::fs::File::options();
            let fd = options.read(read).write(true).open(file.path()).unwrap();
            Disk::new(Kind::File, fd.into(), false)
        };
        let mut found = [0; 7];
        let reader = disk(true).reader_by(Err(Errno::NOENT), false).unwrap();
        reader.read(Access::Buffered, &mut found, 0).unwrap();
        assert_eq!(&found, b"content");
        let failure = |errno| disk(false).reader_by(Err(errno), false).unwrap_err();
        assert_eq!(failure(Errno::NOENT), Errno::NOENT);
        assert_eq!(failure(Errno::MFILE), Errno::MFILE);
    }
}
