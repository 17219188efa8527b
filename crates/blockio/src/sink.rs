//! Destinations.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use rustix::fd::{AsRawFd, OwnedFd, RawFd};

use crate::image::lock::ImageLock;
use crate::medium::{Disk, Export, Medium, Target, Watched, failure, is_export, usable_size};
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

/// Options for opening a [`Sink`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SinkOptions {
    /// Open a device or file even if it is in use.
    pub force: bool,
    /// Create a regular file that does not exist, except under /dev. Only its owner may read it; see [`restore`](Sink::restore) for
    /// other permissions.
    pub create: bool,
    /// Lock with flock(2) until the sink is dropped, also with `force`. Retries for some seconds on a device, because udev locks it too.
    pub lock: bool,
    /// Use of direct I/O.
    pub direct: Direct,
}

/// Regular file or block device that is open for writing: with direct I/O where that is possible, otherwise through the page cache at
/// the pace of the disk.
///
/// The same descriptors are used from the first write to the last sync: the kernel reports an error of writeback once, and only to
/// descriptors that were open when it happened.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    kind: Kind,
    size: u64,
    medium: Box<dyn Medium>,
    /// Direct writes are required.
    only_direct: bool,
    /// True after a direct write was refused: further writes go through the page cache.
    direct_refused: AtomicBool,
    /// Number of ways to zero a range that were refused, the best ones first.
    zeroing_refused: AtomicUsize,
    /// See [`untouched`](Self::untouched).
    untouched: AtomicU64,
    /// Size that a file must get although nothing was written at its end, in bytes.
    reach: AtomicU64,
    staging: Staging,
    /// Direct writes hold it shared; a write through the page cache holds it exclusively.
    both_ways: RwLock<()>,
    pace: Mutex<Pace>,
    /// Error of the first failed sync.
    sync_failure: Mutex<Option<Errno>>,
    /// True if metadata must be synced too.
    sync_all: AtomicBool,
    /// Name of a file that was created.
    made: Option<Made>,
    /// Lock on a device; a file is locked by its descriptor in `medium`.
    lock: Option<OwnedFd>,
    /// Locks that keep virtual machines and other copies away.
    image_lock: Option<ImageLock>,
}

impl Sink {
    /// Opens a regular file or block device for writing. Never truncates one, and creates a file only with `create`; see
    /// [`remove_if_unused`](Self::remove_if_unused).
    ///
    /// A URI names an export of a server. Its other users are unknown, so the following is about files and devices.
    ///
    /// A device is claimed (`O_EXCL`, see open(2)): the kernel refuses this if the device or a partition of it is mounted, held or
    /// claimed. A file is refused if it is used as swap. Both are refused if a loop device uses them, if another process has them open for
    /// writing, or if a virtual machine or another sink has locked them. `force` opens them nevertheless. While the sink is open, it
    /// holds the locks that QEMU sets on images.
    ///
    /// # Errors
    /// [`Error::BadUri`], [`Error::NoExport`] and [`Error::NoFlush`] for an export; [`Error::Busy`] as described, [`Error::Unseen`] if that cannot be found out, [`Error::Locked`] if `lock` is set and another
    /// process holds the lock, [`Error::ReadOnly`] even with
    /// `force`, [`Error::NotFound`], [`Error::NotAFile`], [`Error::NotDirect`] if direct writes are required and not possible, or the
    /// error of open(2).
    pub fn open(path: impl AsRef<Path>, options: SinkOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let _call = Target::new(path).call("open", None);
        if is_export(path) {
            let export = Export::open_for_writing(path)?;
            return Self::new(Box::new(export), Kind::Device, path, options.direct);
        }
        let opened = claim::open(path, options)?;
        let disk = Disk::new(opened.kind, opened.fd, options.direct.is_wanted());
        let sink = Self::new(Box::new(disk), opened.kind, path, options.direct);
        if let (Err(_), Some(made)) = (&sink, &opened.made) {
            // A failure to remove the empty file is less important than the reason.
            _ = made.remove_if_unused();
        }
        Ok(Self {
            made: opened.made,
            lock: opened.lock,
            image_lock: opened.image_lock,
            ..sink?
        })
    }

    /// Removes a file that [`open`](Self::open) has created, if it is still empty, still has its name, and no other process writes to
    /// it. Anything else stays. For a copy that fails before the first write; nothing may be written afterwards.
    ///
    /// # Errors
    /// [`Error::Io`] with the error of unlink(2).
    pub fn remove_if_unused(&self) -> Result<(), Error> {
        let removed = self.made.as_ref().map_or(Ok(()), Made::remove_if_unused);
        removed.map_err(|errno| Error::io("remove", &self.path, None, errno))
    }

    /// Fails if [`open`](Self::open) without `force` would fail because the file or device is in use. Opens nothing for writing;
    /// claims a device for a moment. Succeeds if the path does not exist.
    ///
    /// # Errors
    /// [`Error::Busy`] and [`Error::Unseen`] as in [`open`](Self::open), or the error of open(2) for reading.
    pub fn refuse_used(path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let _call = Target::new(path).call("open", None);
        // Connecting to find out would end a server that serves one client only.
        if is_export(path) {
            return Ok(());
        }
        claim::probe(path)
    }

    /// Fails if [`open`](Self::open) with `create` would fail to create a file at `path`, where nothing is found, whoever tries. Changes
    /// nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] as in [`open`](Self::open).
    pub fn refuse_creating(path: impl AsRef<Path>) -> Result<(), Error> {
        create::refuse(path.as_ref())
    }

    /// Opens content of memory, as a file or device with faults.
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
        let medium = Watched::over(medium, path);
        Ok(Self {
            path: path.to_owned(),
            kind,
            size: usable_size(&*medium, path, direct)?,
            medium,
            only_direct: direct == Direct::On,
            direct_refused: AtomicBool::new(false),
            zeroing_refused: AtomicUsize::new(0),
            untouched: AtomicU64::new(u64::MAX),
            reach: AtomicU64::new(0),
            staging: Staging::default(),
            both_ways: RwLock::new(()),
            pace: Mutex::new(Pace::default()),
            sync_failure: Mutex::new(None),
            sync_all: AtomicBool::new(false),
            made: None,
            lock: None,
            image_lock: None,
        })
    }

    /// Opens the same file or device again, for reading.
    ///
    /// # Errors
    /// As [`Source::open`]. [`Error::NotDirect`] also if direct reads are required and the first one is refused: some file systems refuse
    /// only that.
    pub fn reader(&self, direct: Direct) -> Result<Source, Error> {
        let medium = self.medium.reader(direct.is_wanted());
        let medium = medium.map_err(|errno| match errno {
            // Not the file is missing, but its name in /proc.
            Errno::NOENT => Error::io("reopen", &self.path, None, errno),
            _ => Error::opening(&self.path, errno),
        })?;
        let source = Source::new(medium, self.kind, &self.path, direct)?;
        if direct == Direct::On {
            source.refuse_if_not_direct()?;
        }
        Ok(source)
    }

    /// Returns the kind: file or device.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the path by which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the descriptors that claim and lock the destination: it stays claimed and locked as long as they, or duplicates of them, are
    /// open. Empty for an export, whose server claims nothing.
    #[must_use]
    pub fn claim(&self) -> Vec<RawFd> {
        let Ok(descriptor) = self.medium.descriptor() else {
            return Vec::new();
        };
        let locks = [
            self.lock.as_ref().map(AsRawFd::as_raw_fd),
            self.image_lock.as_ref().map(AsRawFd::as_raw_fd),
        ];
        let locks = locks.into_iter().flatten();
        [descriptor.as_raw_fd()].into_iter().chain(locks).collect()
    }

    /// Describes the server, if this is an export.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        self.medium.export().map(Export::description)
    }

    /// Returns the size in bytes at the time of opening; a file may have grown since.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes for granted that all of a device reads as zeros, because it was just created. Only before the first write.
    pub fn assume_zeros(&self) {
        // A file would have to be extended over zeros nevertheless.
        if self.kind == Kind::Device {
            self.untouched.store(0, Ordering::Relaxed);
        }
    }

    /// Returns the offset from which on everything reads as zeros, because nothing has been written there; `u64::MAX` if that is unknown.
    #[must_use]
    pub fn untouched(&self) -> u64 {
        self.untouched.load(Ordering::Relaxed)
    }

    /// Returns true if writes use direct I/O at present. Several concurrent writes are faster then than one after the other.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        // Relaxed: a thread that does not see the refusal yet is refused itself.
        self.medium.granularity().is_some() && !self.direct_refused.load(Ordering::Relaxed)
    }

    /// Syncs everything written to the disk; see fdatasync(2). After a [`restore`](Self::restore), syncs the metadata too, and for a
    /// file that was created, its name; see fsync(2). No write may be in flight.
    ///
    /// # Errors
    /// [`Error::Sync`]. Every further call fails as well then: the kernel reports the failure once, and afterwards success for data that
    /// it has dropped. [`Error::Io`] if a file cannot be extended over zeros at its end.
    pub fn sync(&self) -> Result<(), Error> {
        self.stretch()?;
        // Locked throughout: another sync at the same time would succeed after this one has failed.
        let mut failure = lock(&self.sync_failure);
        if failure.is_none() {
            *failure = self.sync_medium().err();
        }
        let failed = *failure;
        drop(failure);
        if let Some(errno) = failed {
            return Err(self.sync_failed(errno));
        }
        lock(&self.pace).finish(&*self.medium);
        Ok(())
    }

    /// Keeps the error of a failed sync or writeback, which the kernel reports only once.
    fn sync_failed(&self, errno: Errno) -> Error {
        *lock(&self.sync_failure) = Some(errno);
        // The page cache keeps what the disk has refused as if it were on the disk. The next copy would find it equal to the source.
        self.medium.drop_cached(0, i64::MAX.cast_unsigned());
        self.sync_error(errno)
    }

    fn sync_medium(&self) -> Result<(), Errno> {
        // Relaxed: nothing is restored while this runs, see above.
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
        failure(&*self.medium, "write", &self.path, offset, errno)
    }
}

/// Locks a mutex. Nothing panics while it holds one, and the protected data would still be consistent.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the granularity in bytes of ranges that are written or zeroed independently of their neighbours: a page of the page cache, so
/// that no page is written both directly and through the cache.
fn unit() -> u64 {
    sys::page_size().max(ALIGNMENT) as u64
}

/// Returns the part of the range from `offset` to `end` that consists of whole [units](unit); an empty range within it if there is none.
fn whole_units(offset: u64, end: u64) -> Range<u64> {
    let first = offset.next_multiple_of(unit()).min(end);
    first..(end - end % unit()).max(first)
}
