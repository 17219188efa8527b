//! A file or device to read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::OwnedFd;

use crate::node::{Kind, Node};
use crate::sys::{self, DirectAlignment, FileType};
use crate::{ALIGNMENT, Error};

mod read;

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
    granularity: usize,
    buffered: OwnedFd,
    direct: Option<OwnedFd>,
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
    /// open(2) says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Node::stat(path)?;
        let fd = sys::open_for_reading(path).map_err(|errno| Error::opening(path, errno))?;
        Self::new(fd, path)
    }

    /// What is redirected to standard input, or `None` if that is a pipe, a socket or a terminal,
    /// which can only be read as a stream.
    ///
    /// Offsets count from the start of the file, wherever the descriptor stands.
    ///
    /// # Errors
    /// If standard input is closed or a directory.
    pub fn from_stdin() -> Result<Option<Self>, Error> {
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
        let fd = sys::reopen_for_reading(stdin)
            .or_else(|_| sys::duplicate(stdin))
            .map_err(|errno| Error::opening(path, errno))?;
        Self::new(fd, path).map(Some)
    }

    fn new(buffered: OwnedFd, path: &Path) -> Result<Self, Error> {
        let node = Node::fstat(&buffered, path)?;
        let size = node.size(&buffered, path)?;
        let granularity = match sys::direct_alignment(&buffered) {
            DirectAlignment::Known(bytes) => Some(bytes),
            DirectAlignment::Unknown => Some(ALIGNMENT),
            DirectAlignment::Refused => None,
        }
        .filter(|bytes| bytes.is_power_of_two() && *bytes <= ALIGNMENT);
        // Reopened by descriptor, so that both are the same file whatever happens to the path.
        let direct = granularity.and_then(|_| sys::reopen_direct(&buffered).ok());
        // Readahead would fill the cache behind our back: with what is then read directly once more,
        // and with what then looks as if others had wanted it there.
        sys::advise_random(&buffered);
        Ok(Self {
            path: path.to_owned(),
            kind: node.kind,
            size,
            granularity: granularity.unwrap_or(ALIGNMENT),
            buffered,
            direct,
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

    /// What the offset and length of a read must be multiples of: a power of two, bytes,
    /// [`ALIGNMENT`] at most.
    #[must_use]
    pub fn granularity(&self) -> usize {
        self.granularity
    }

    /// Whether what is not in the page cache is read past it, as things stand now.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct().is_some()
    }

    fn direct(&self) -> Option<&OwnedFd> {
        // Relaxed: a thread that has not heard of the refusal yet is refused itself.
        self.direct
            .as_ref()
            .filter(|_| !self.direct_refused.load(Ordering::Relaxed))
    }
}
