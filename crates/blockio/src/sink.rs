//! A file or device to write.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fd::OwnedFd;

use crate::Error;
use crate::holders;
use crate::node::{Kind, Node};
use crate::sys::{self, Errno};

/// A regular file or block device to write, through the page cache.
///
/// One descriptor serves from the first write to the last sync: an error of writing back is reported
/// once, and only to descriptors that were open when it happened.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    kind: Kind,
    size: u64,
    fd: OwnedFd,
    /// What the first failed sync said.
    sync_failure: Mutex<Option<Errno>>,
}

impl Sink {
    /// Opens an existing regular file or block device for writing; never creates or truncates one.
    ///
    /// A device is claimed (`O_EXCL`, see open(2)): the kernel refuses if it or a partition of it is
    /// mounted, held or claimed. `force` writes to it nevertheless. A file is refused without `force`
    /// if it is swapped to, or if a loop device that it backs is in use.
    ///
    /// # Errors
    /// [`Error::Busy`] as above, [`Error::ReadOnly`] even with `force`, [`Error::NotFound`],
    /// [`Error::NotAFile`], or what open(2) says.
    pub fn open(path: impl AsRef<Path>, force: bool) -> Result<Self, Error> {
        let path = path.as_ref();
        let found = Node::stat(path)?;
        let holder = if force {
            None
        } else {
            holders::behind_the_kernels_back(&found.stat)
        };
        if let Some(holder) = holder {
            return Err(busy(path, holder));
        }
        let claim = found.kind == Kind::Device && !force;
        let fd =
            sys::open_for_writing(path, claim).map_err(|errno| refusal(path, &found, errno))?;
        let node = Node::fstat(&fd, path)?;
        if !node.stat.same(&found.stat) {
            return Err(busy(
                path,
                "it was replaced while it was being opened".to_owned(),
            ));
        }
        if node.kind == Kind::Device && is_read_only(&fd, path)? {
            return Err(Error::ReadOnly {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            size: node.size(&fd, path)?,
            path: path.to_owned(),
            kind: node.kind,
            fd,
            sync_failure: Mutex::new(None),
        })
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

    /// Writes all of `data` at `offset`. A file grows as needed.
    ///
    /// # Errors
    /// [`Error::BeyondEnd`] if it does not fit on the device, before anything is written; otherwise
    /// [`Error::Io`] with the offset of the first byte that was not written.
    pub fn write_all_at(&self, data: &[u8], offset: u64) -> Result<(), Error> {
        let end = offset.checked_add(data.len() as u64);
        if self.kind == Kind::Device && end.is_none_or(|end| end > self.size) {
            return Err(Error::BeyondEnd {
                path: self.path.clone(),
                offset,
                len: data.len(),
                size: self.size,
            });
        }
        if end.is_none_or(|end| end > i64::MAX.cast_unsigned()) {
            return Err(self.error(offset, Errno::FBIG));
        }
        let mut done = 0;
        while done < data.len() {
            let at = offset + done as u64;
            match sys::write(&self.fd, &data[done..], at) {
                Ok(0) => {
                    return Err(Error::NothingWritten {
                        path: self.path.clone(),
                        offset: at,
                    });
                }
                Ok(len) => done += len,
                Err(errno) => return Err(self.error(at, errno)),
            }
        }
        Ok(())
    }

    /// Brings everything written to the disk; see fdatasync(2).
    ///
    /// # Errors
    /// [`Error::Sync`]. Once that happened every further call fails too: the kernel reports the
    /// failure once, and then success for data that it has given up.
    pub fn sync(&self) -> Result<(), Error> {
        let mut failure = self
            .sync_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            *failure = sys::sync_data(&self.fd).err();
        }
        match *failure {
            None => Ok(()),
            Some(errno) => Err(Error::Sync {
                path: self.path.clone(),
                errno: errno.into(),
            }),
        }
    }

    fn error(&self, offset: u64, errno: Errno) -> Error {
        Error::io("write", &self.path, Some(offset), errno)
    }
}

/// What a failure to open `found` for writing means.
fn refusal(path: &Path, found: &Node, errno: Errno) -> Error {
    match (found.kind, errno) {
        (Kind::Device, Errno::BUSY) => {
            let holder = holders::of_device(found.stat.device);
            busy(
                path,
                holder.unwrap_or_else(|| "another process has it open exclusively".to_owned()),
            )
        }
        // Some drivers say so when a read-only device is opened, with the errno of a missing permission.
        (Kind::Device, Errno::ACCESS | Errno::PERM)
            if sys::open_for_reading(path).and_then(sys::is_read_only) == Ok(true) =>
        {
            Error::ReadOnly {
                path: path.to_owned(),
            }
        }
        (Kind::File, Errno::TXTBSY) => busy(path, "it is being executed or swapped to".to_owned()),
        _ => Error::opening(path, errno),
    }
}

fn is_read_only(fd: &OwnedFd, path: &Path) -> Result<bool, Error> {
    sys::is_read_only(fd)
        .map_err(|errno| Error::io("find out whether one may write to", path, None, errno))
}

fn busy(path: &Path, holder: String) -> Error {
    Error::Busy {
        path: path.to_owned(),
        holder,
    }
}
