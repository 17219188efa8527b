//! Sources.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::medium::{Disk, Export, Medium, Target, Watched, is_export, usable_size};
use crate::node::{Kind, Node};
use crate::sys::{self, FileType, Stat};
use crate::{ALIGNMENT, Direct, Error, Identity, Metadata, Storage};

mod device_state;
mod holes;
mod image;
mod in_use;
mod read;

/// Regular file or block device that is open for reading.
///
/// It is open twice: with direct I/O (`O_DIRECT`), which does not evict everything else from the page cache, and through the page
/// cache, which is faster for cached data and works where direct reads do not. Any number of threads may read at once.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    kind: Kind,
    size: u64,
    medium: Box<dyn Medium>,
    /// Direct reads are required.
    only_direct: bool,
    /// True after a direct read was refused: further reads go through the page cache.
    direct_refused: AtomicBool,
    /// True if cachestat(2) does not work here.
    cache_uncounted: AtomicBool,
    /// True if reads with `RWF_NOWAIT` do not work here.
    cache_opaque: AtomicBool,
    /// True if holes are read.
    reads_holes: AtomicBool,
    /// True if it was synced, false if that has failed; not set before its first hole. See [`holes`].
    written_back: OnceLock<bool>,
}

/// Owner of the position of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offset {
    /// No other descriptor has this position.
    Own,
    /// Descriptors of other processes have the same position.
    Shared,
}

impl Source {
    /// Opens a regular file or block device, or the export that a URI names, for reading.
    ///
    /// # Errors
    /// [`Error::BadUri`] and [`Error::NoExport`] for an export; [`Error::NotAFile`] for anything else, without waiting for it to become ready; [`Error::NotDirect`] if direct reads are required and
    /// not possible; otherwise the error of open(2).
    pub fn open(path: impl AsRef<Path>, direct: Direct) -> Result<Self, Error> {
        let path = path.as_ref();
        let _call = Target::new(path).call("open", None);
        if is_export(path) {
            let export = Export::open(path)?;
            return Self::new(Box::new(export), Kind::Device, path, direct);
        }
        Node::stat(path)?;
        let fd = sys::open_for_reading(path).map_err(|errno| Error::opening(path, errno))?;
        Self::of_descriptor(fd, path, direct, Offset::Own)
    }

    /// Opens a clone of this file as it is now, which later writes to the file leave alone. The clone has no name, and is gone when it is
    /// closed, even if the process is killed.
    ///
    /// # Errors
    /// [`Error::Io`] with the action `clone` if its file system cannot clone files, or has no room for the clone's metadata;
    /// [`Error::NotDirect`] as in [`open`](Self::open).
    pub fn clone_now(&self, direct: Direct) -> Result<Self, Error> {
        let failed = |errno| Error::io("clone", &self.path, None, errno);
        let fd = self.medium.descriptor().map_err(failed)?;
        let clone = sys::clone_unnamed(fd).map_err(failed)?;
        Self::of_descriptor(clone, &self.path, direct, Offset::Own)
    }

    /// Opens the file or device that is redirected to standard input. Returns `None` if that is a pipe, a socket or a terminal, which can
    /// only be read as a stream.
    ///
    /// Offsets count from the start of the file, whatever the position of the descriptor.
    ///
    /// # Errors
    /// Fails if standard input is closed or a directory. [`Error::NotDirect`] as in [`open`](Self::open).
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
        // An inherited descriptor may be open although this process may not open the file.
        let (fd, offset) = match sys::reopen_for_reading(stdin) {
            Ok(fd) => (fd, Offset::Own),
            Err(_) => (
                sys::duplicate(stdin).map_err(|errno| Error::opening(path, errno))?,
                Offset::Shared,
            ),
        };
        Self::of_descriptor(fd, path, direct, offset).map(Some)
    }

    fn of_descriptor(
        fd: OwnedFd,
        path: &Path,
        direct: Direct,
        offset: Offset,
    ) -> Result<Self, Error> {
        let kind = Node::fstat(&fd, path)?.kind;
        let mut disk = Disk::new(kind, fd, direct.is_wanted());
        if offset == Offset::Shared {
            disk = disk.with_shared_offset();
        }
        Self::new(Box::new(disk), kind, path, direct)
    }

    /// Opens content of memory, as a file or device with faults.
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
        let medium = Watched::over(medium, path);
        let size = usable_size(&*medium, path, direct)?;
        // Readahead would fill the cache with data that is then read directly again, and that looks as if other processes used it.
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
            reads_holes: AtomicBool::new(false),
            written_back: OnceLock::new(),
        })
    }

    /// Returns the size in bytes at the time of opening.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes it for what it was when it had `size` bytes, if it has grown since. Its size stays as it is if it has fewer.
    pub fn limit(&mut self, size: u64) {
        self.size = self.size.min(size);
    }

    /// Returns the kind: file or device.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the path by which it was opened; `/dev/stdin` for standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its current metadata; see fstat(2). A name that is unknown is `None`.
    ///
    /// # Errors
    /// [`Error::Io`] with the error of fstat(2).
    pub fn metadata(&self) -> Result<Metadata, Error> {
        let stat = self.medium.stat();
        let stat = stat.map_err(|errno| Error::io("stat", &self.path, None, errno))?;
        Ok(Metadata::of(&stat))
    }

    /// Returns its current identity. That of a file includes the time of its last change.
    ///
    /// # Errors
    /// [`Error::NoIdentity`] for a device without a permanent identifier; [`Error::Io`] with the error of fstat(2), statfs(2) or, for a
    /// loop device, ioctl(2).
    pub fn identity(&self) -> Result<Identity, Error> {
        Identity::of(&*self.medium, &self.path)
    }

    /// Returns the same, but waits first until the next change of a file will have another time: usually up to 20 ms, or two seconds where
    /// the file system keeps times in seconds. Whoever keeps an identity, to tell later if the file is still the same, needs this one.
    ///
    /// # Errors
    /// As [`identity`](Self::identity).
    pub fn settled_identity(&self) -> Result<Identity, Error> {
        Identity::settle(&*self.medium, &self.path)?;
        self.identity()
    }

    /// Returns a name for the file or device that does not depend on its path and is the same in all processes of this host until it is
    /// rebooted. `None` if the kernel does not provide one, and for content of memory.
    #[must_use]
    pub fn instance(&self) -> Option<String> {
        match self.medium.export() {
            Some(export) if export.image().is_none() => export.instance(),
            _ => instance_of(&self.ground()?.1),
        }
    }

    /// Returns the storage of this host that it lies on. `None` if the kernel does not say, and for content of memory.
    #[must_use]
    pub fn storage(&self) -> Option<Storage> {
        let (fd, stat) = self.ground()?;
        Storage::of(&stat, Some(fd), &self.path)
    }

    /// Returns a clause that says who may write to it while it is read, so that a copy would not be a snapshot: `it is mounted on /srv`.
    /// `None` if no writer is found.
    ///
    /// If /proc and /sys show no writer, a device is claimed (`O_EXCL`, see open(2)) for a moment. A device that is read-only or mounted
    /// read-only has no writer. A file has one if it is open for writing (`F_SETLEASE`, see fcntl(2)); only its owner and root can find
    /// out, and only on a local file system.
    #[must_use]
    pub fn writer(&self) -> Option<String> {
        let (fd, stat) = self.ground()?;
        in_use::of(fd, &stat)
    }

    /// Returns its current end, at most `offset`, after a read at `offset` returned nothing.
    #[must_use]
    pub fn end_before(&self, offset: u64) -> u64 {
        self.medium.size().map_or(offset, |size| size.min(offset))
    }

    /// Returns true if both are the same file or the same device, whatever their paths.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self.ground(), other.ground()) {
            (Some((_, one)), Some((_, other))) => one.same(&other),
            _ => match (self.medium.export(), other.medium.export()) {
                (Some(one), Some(other)) => one.is_same_as(other),
                _ => false,
            },
        }
    }

    /// Returns the file or device of this host that has the content: itself, or the image that a server offers the disk of.
    fn ground(&self) -> Option<(BorrowedFd<'_>, Stat)> {
        if let Some(image) = self.medium.export().and_then(Export::image) {
            return Some((image.fd.as_fd(), image.stat));
        }
        Some((self.medium.descriptor().ok()?, self.medium.stat().ok()?))
    }

    /// Describes the server, if this is an export.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        self.medium.export().map(Export::description)
    }

    /// Returns the granularity of reads: offset and length must be multiples of this many bytes. A power of two, at most [`ALIGNMENT`].
    #[must_use]
    pub fn granularity(&self) -> usize {
        self.medium.granularity().unwrap_or(ALIGNMENT)
    }

    /// Returns true if reads use direct I/O at present, except for cached data.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        // Relaxed: a thread that does not see the refusal yet is refused itself.
        self.medium.granularity().is_some() && !self.direct_refused.load(Ordering::Relaxed)
    }
}

/// Returns `BOOT file MAJOR:MINOR INODE` or `BOOT device MAJOR:MINOR`. BOOT is different after each boot; see random(4).
fn instance_of(stat: &Stat) -> Option<String> {
    let boot = sys::boot_id()?;
    Some(if stat.file_type == FileType::BlockDevice {
        format!("{boot} device {}", sys::device_number(stat.device))
    } else {
        let file_system = sys::device_number(stat.file_system);
        format!("{boot} file {file_system} {}", stat.inode)
    })
}
