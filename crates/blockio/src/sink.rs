//! A file or device to write.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use rustix::fd::OwnedFd;

use crate::image_lock::ImageLock;
use crate::medium::{Disk, Medium, usable_size};
use crate::node::Kind;
use crate::sys::{self, Errno};
use crate::{ALIGNMENT, Direct, Error, Source};

mod claim;
mod create;
mod lock;
mod pace;
mod restore;
mod staging;
mod write;
mod zero;

use create::Made;
use pace::Pace;
use staging::Staging;

/// How a [`Sink`] is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SinkOptions {
    /// Write to a device or file even when somebody else is using it.
    pub force: bool,
    /// Make a regular file that is missing, except among the devices. Only its owner may read it; see
    /// [`restore`](Sink::restore) for another mode.
    pub create: bool,
    /// Lock it (flock(2)) until the sink is dropped, also with `force`. A device is waited for some seconds, since udev locks it as well.
    pub lock: bool,
    /// Whether to write past the page cache.
    pub direct: Direct,
}

/// A regular file or block device to write: past the page cache where that is possible, otherwise through it, at the pace
/// of the disk.
///
/// Its descriptors serve from the first write to the last sync: an error of writing back is reported
/// once, and only to descriptors that were open when it happened.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    kind: Kind,
    size: u64,
    medium: Box<dyn Medium>,
    /// Direct writes are wanted, and nothing else will do.
    only_direct: bool,
    /// A direct write was refused; all others go through the page cache.
    direct_refused: AtomicBool,
    /// How many of the ways to zero a range were refused, the best ones first.
    zeroing_refused: AtomicUsize,
    /// Up to where a file is to reach although nothing was written there, in bytes.
    reach: AtomicU64,
    staging: Staging,
    /// Held for reading by direct writes, for writing by those that go through the page cache beside them.
    both_ways: RwLock<()>,
    pace: Mutex<Pace>,
    /// What the first failed sync said.
    sync_failure: Mutex<Option<Errno>>,
    /// More than content is to be brought to the disk.
    sync_all: AtomicBool,
    /// The name of a file that was made.
    made: Option<Made>,
    /// What keeps a device locked; a file is locked by its descriptor in `medium`.
    _lock: Option<OwnedFd>,
    /// The locks that keep virtual machines and other copies away.
    _image_lock: Option<ImageLock>,
}

impl Sink {
    /// Opens a regular file or block device for writing; never truncates one, and makes a file only where `create` says so;
    /// see [`remove_if_unused`](Self::remove_if_unused).
    ///
    /// A device is claimed (`O_EXCL`, see open(2)): the kernel refuses if it or a partition of it is
    /// mounted, held or claimed. A file is refused if it is swapped to, and either if a loop device lies on it, if somebody else
    /// has it open for writing, or if a virtual machine or another sink has locked it. `force` writes to it nevertheless. While the
    /// sink is open, it is locked in the way that QEMU locks images.
    ///
    /// # Errors
    /// [`Error::Busy`] as above, [`Error::Locked`] by somebody else where `lock` is wanted, [`Error::ReadOnly`] even with `force`, [`Error::NotFound`],
    /// [`Error::NotAFile`], or what open(2) says. [`Error::NotDirect`] where only direct writes would do and there are none.
    pub fn open(path: impl AsRef<Path>, options: SinkOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let opened = claim::open(path, options)?;
        let disk = Disk::new(opened.kind, opened.fd, options.direct.is_wanted());
        let sink = Self::new(Box::new(disk), opened.kind, path, options.direct);
        if let (Err(_), Some(made)) = (&sink, &opened.made) {
            // The reason that it cannot be used says more than that an empty file remains.
            _ = made.remove_if_unused();
        }
        Ok(Self {
            made: opened.made,
            _lock: opened.lock,
            _image_lock: opened.image_lock,
            ..sink?
        })
    }

    /// Removes a file that [`open`](Self::open) has made, if it is still empty, has its name, and no
    /// other process writes to it. Anything else stays. For a copy that
    /// fails before the first write; nothing may be written afterwards.
    ///
    /// # Errors
    /// [`Error::Io`], with what unlink(2) says.
    pub fn remove_if_unused(&self) -> Result<(), Error> {
        let removed = self.made.as_ref().map_or(Ok(()), Made::remove_if_unused);
        removed.map_err(|errno| Error::io("remove", &self.path, None, errno))
    }

    /// Whether [`open`](Self::open) would refuse, without `force`, because somebody is using it. Opens nothing for writing; claims a
    /// device for a moment. Success where there is nothing.
    ///
    /// # Errors
    /// [`Error::Busy`] as in [`open`](Self::open), or what open(2) says of opening it for reading.
    pub fn refuse_used(path: impl AsRef<Path>) -> Result<(), Error> {
        claim::probe(path.as_ref())
    }

    /// Content of memory, as a file or device that has faults.
    ///
    /// # Errors
    /// [`Error::NotDirect`] as in [`open`](Self::open).
    #[cfg(any(test, feature = "memory"))]
    pub fn in_memory(memory: &crate::Memory, direct: Direct) -> Result<Self, Error> {
        let medium = memory.opened(direct.is_wanted());
        Self::new(Box::new(medium), memory.kind(), Path::new("memory"), direct)
    }

    fn new(
        medium: Box<dyn Medium>,
        kind: Kind,
        path: &Path,
        direct: Direct,
    ) -> Result<Self, Error> {
        Ok(Self {
            path: path.to_owned(),
            kind,
            size: usable_size(&*medium, path, direct)?,
            medium,
            only_direct: direct == Direct::On,
            direct_refused: AtomicBool::new(false),
            zeroing_refused: AtomicUsize::new(0),
            reach: AtomicU64::new(0),
            staging: Staging::default(),
            both_ways: RwLock::new(()),
            pace: Mutex::new(Pace::default()),
            sync_failure: Mutex::new(None),
            sync_all: AtomicBool::new(false),
            made: None,
            _lock: None,
            _image_lock: None,
        })
    }

    /// The same file or device, opened once more to read what it has.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn reader(&self, direct: Direct) -> Result<Source, Error> {
        let medium = self.medium.reader(direct.is_wanted());
        let medium = medium.map_err(|errno| Error::opening(&self.path, errno))?;
        Source::new(medium, self.kind, &self.path, direct)
    }

    /// File or device.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size in bytes when it was opened; a file may have grown since.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether writes go past the page cache, as things stand now. Then several at once are faster than one after the other.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        // Relaxed: a thread that has not heard of the refusal yet is refused itself.
        self.medium.granularity().is_some() && !self.direct_refused.load(Ordering::Relaxed)
    }

    /// Brings everything written to the disk; see fdatasync(2). After a [`restore`](Self::restore), that too, and of a file that
    /// was made, its name; see fsync(2). No write may be under way.
    ///
    /// # Errors
    /// [`Error::Sync`]. Once that happened every further call fails too: the kernel reports the
    /// failure once, and then success for data that it has given up. [`Error::Io`] if a file cannot be made as long as what
    /// was zeroed at its end.
    pub fn sync(&self) -> Result<(), Error> {
        self.stretch()?;
        let mut failure = lock(&self.sync_failure);
        if failure.is_none() {
            *failure = self.bring_to_disk().err();
        }
        if let Some(errno) = *failure {
            return Err(self.sync_error(errno));
        }
        lock(&self.pace).finish(&*self.medium);
        Ok(())
    }

    fn bring_to_disk(&self) -> Result<(), Errno> {
        // Relaxed: what was restored was restored before, see above.
        if self.sync_all.load(Ordering::Relaxed) {
            self.medium.sync_all()?;
        } else {
            self.medium.sync()?;
        }
        self.made.as_ref().map_or(Ok(()), Made::sync)
    }

    fn sync_error(&self, errno: Errno) -> Error {
        Error::Sync {
            path: self.path.clone(),
            errno: errno.into(),
        }
    }

    fn error(&self, offset: u64, errno: Errno) -> Error {
        Error::io("write", &self.path, Some(offset), errno)
    }
}

/// Nothing panics while it holds one of these locks; if it did, what they protect would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a range must be a multiple of to be written or zeroed apart from its neighbours, in bytes: a page of the page cache, so
/// that no page is written both ways.
fn unit() -> u64 {
    sys::page_size().max(ALIGNMENT) as u64
}

/// The part of the bytes from `offset` to `end` that consists of whole [units](unit); empty, and within them, if there is none.
fn whole_units(offset: u64, end: u64) -> Range<u64> {
    let first = offset.next_multiple_of(unit()).min(end);
    first..(end - end % unit()).max(first)
}
