//! A file or device to read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::OwnedFd;

use crate::medium::{Disk, Medium, usable_size};
use crate::node::{Kind, Node};
use crate::sys::{self, FileType};
use crate::{ALIGNMENT, Direct, Error, Identity, Metadata, Storage};

mod holes;
mod instance;
mod read;
mod writer;

/// A regular file or block device to read.
///
/// It is open twice: directly (`O_DIRECT`), which does not push everything else out of the page cache,
/// and through the page cache, which is faster for what is in there and works where direct reads do not.
/// Any number of threads may read at once.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    kind: Kind,
    size: u64,
    medium: Box<dyn Medium>,
    /// Direct reads are wanted, and nothing else will do.
    only_direct: bool,
    /// A direct read was refused; all others go through the page cache.
    direct_refused: AtomicBool,
    /// The page cache cannot be asked what it holds (cachestat(2)) here.
    cache_uncounted: AtomicBool,
    /// The page cache cannot be asked for what it holds (`RWF_NOWAIT`) here.
    cache_opaque: AtomicBool,
}

impl Source {
    /// Opens a regular file or block device for reading.
    ///
    /// # Errors
    /// [`Error::NotAFile`] for anything else, without waiting for it to be ready; otherwise what
    /// open(2) says. [`Error::NotDirect`] where only direct reads would do and there are none.
    pub fn open(path: impl AsRef<Path>, direct: Direct) -> Result<Self, Error> {
        let path = path.as_ref();
        Node::stat(path)?;
        let fd = sys::open_for_reading(path).map_err(|errno| Error::opening(path, errno))?;
        Self::of_descriptor(fd, path, direct, true)
    }

    /// What is redirected to standard input, or `None` if that is a pipe, a socket or a terminal,
    /// which can only be read as a stream.
    ///
    /// Offsets count from the start of the file, wherever the descriptor stands.
    ///
    /// # Errors
    /// If standard input is closed or a directory. [`Error::NotDirect`] as in [`open`](Self::open).
    pub fn from_stdin(direct: Direct) -> Result<Option<Self>, Error> {
        let path = Path::new("/dev/stdin");
        let stdin = rustix::stdio::stdin();
        let stat = sys::fstat(stdin).map_err(|errno| Error::io("stat", path, None, errno))?;
        if matches!(
            stat.file_type,
            FileType::Fifo | FileType::Socket | FileType::CharacterDevice
        ) {
            return Ok(None);
        }
        // A descriptor can be inherited from someone who may open more than we may.
        let (fd, own) = match sys::reopen_for_reading(stdin) {
            Ok(fd) => (fd, true),
            Err(_) => (
                sys::duplicate(stdin).map_err(|errno| Error::opening(path, errno))?,
                false,
            ),
        };
        Self::of_descriptor(fd, path, direct, own).map(Some)
    }

    fn of_descriptor(
        fd: OwnedFd,
        path: &Path,
        direct: Direct,
        owns_offset: bool,
    ) -> Result<Self, Error> {
        let kind = Node::fstat(&fd, path)?.kind;
        let mut disk = Disk::new(kind, fd, direct.is_wanted());
        if !owns_offset {
            disk = disk.with_shared_offset();
        }
        Self::new(Box::new(disk), kind, path, direct)
    }

    /// Content of memory, as a file or device that has faults.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(any(test, feature = "memory"))]
    pub fn in_memory(memory: &crate::Memory, direct: Direct) -> Result<Self, Error> {
        let medium = memory.opened(direct.is_wanted());
        Self::new(Box::new(medium), memory.kind(), Path::new("memory"), direct)
    }

    pub(crate) fn new(
        medium: Box<dyn Medium>,
        kind: Kind,
        path: &Path,
        direct: Direct,
    ) -> Result<Self, Error> {
        let size = usable_size(&*medium, path, direct)?;
        // Readahead would fill the cache behind our back: with what is then read directly once more,
        // and with what then looks as if others had wanted it there.
        medium.read_ahead(false);
        Ok(Self {
            path: path.to_owned(),
            kind,
            size,
            medium,
            only_direct: direct == Direct::On,
            direct_refused: AtomicBool::new(false),
            cache_uncounted: AtomicBool::new(false),
            cache_opaque: AtomicBool::new(false),
        })
    }

    /// Size in bytes when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// File or device.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The path it was opened by; `/dev/stdin` for standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it has beside its content, as things stand now; see fstat(2). A name that cannot be found is `None`.
    ///
    /// # Errors
    /// [`Error::Io`] with what fstat(2) says.
    pub fn metadata(&self) -> Result<Metadata, Error> {
        let stat = self.medium.stat();
        let stat = stat.map_err(|errno| Error::io("stat", &self.path, None, errno))?;
        Ok(Metadata::of(&stat))
    }

    /// Which file or device it is, and of a file, that it is unchanged; as things stand now.
    ///
    /// # Errors
    /// [`Error::NoIdentity`] for a device of which nothing is known that would stay the same; [`Error::Io`] with what fstat(2),
    /// statfs(2) or, of a loop device, ioctl(2) says.
    pub fn identity(&self) -> Result<Identity, Error> {
        Identity::of(&*self.medium, &self.path)
    }

    /// Which file or device of this host it is, by whatever name: two sources, also of two processes, that have the same are the same. It
    /// holds until the host is started again. `None` where the kernel does not say, and for content of memory.
    #[must_use]
    pub fn instance(&self) -> Option<String> {
        instance::of(&self.medium.stat().ok()?)
    }

    /// Which storage of this host it lies on. `None` where the kernel does not say, and for content of memory.
    #[must_use]
    pub fn storage(&self) -> Option<Storage> {
        let fd = self.medium.descriptor().ok()?;
        Storage::of(&self.medium.stat().ok()?, Some(fd), &self.path)
    }

    /// Who may write to it while it is read, so that a copy would be of no single moment, as a clause: `it is mounted on /srv`. `None`
    /// where nobody does, as far as that can be seen from here.
    ///
    /// A device is claimed (`O_EXCL`, see open(2)) for a moment if nobody is found in /proc and /sys; one that is set read-only or
    /// mounted read-only is not written to. A file is if it is open for writing (`F_SETLEASE`, see fcntl(2)), which can only be asked
    /// by its owner and by root, of a file system of this host.
    #[must_use]
    pub fn writer(&self) -> Option<String> {
        let fd = self.medium.descriptor().ok()?;
        writer::of(fd, &self.medium.stat().ok()?)
    }

    /// Where it ends, as far as one can tell now, if nothing could be read from `offset` on.
    #[must_use]
    pub fn end_before(&self, offset: u64) -> u64 {
        self.medium.size().map_or(offset, |size| size.min(offset))
    }

    /// Whether both are the same file, or the same device, by whatever names.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self.medium.stat(), other.medium.stat()) {
            (Ok(one), Ok(other)) => one.same(&other),
            _ => false,
        }
    }

    /// What the offset and length of a read must be multiples of: a power of two, bytes,
    /// [`ALIGNMENT`] at most.
    #[must_use]
    pub fn granularity(&self) -> usize {
        self.medium.granularity().unwrap_or(ALIGNMENT)
    }

    /// Whether what is not in the page cache is read past it, as things stand now.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        // Relaxed: a thread that has not heard of the refusal yet is refused itself.
        self.medium.granularity().is_some() && !self.direct_refused.load(Ordering::Relaxed)
    }
}
