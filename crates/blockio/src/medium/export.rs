//! Exports of NBD servers.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use blockcopy_nbd::{Address, Client, Context, Error as Failure, Lent, Limits, Uri, is_uri};

use super::served::{Served, served};
use super::zeros::Zeros;
use super::{Access, Medium, Region, Result, Zeroing};
use crate::sys::{self, Errno};
use crate::text::word;
use crate::{ALIGNMENT, Error};

mod ranges;

pub use ranges::export_ranges;

/// Smallest granularity, in bytes: that of a disk.
const SECTOR: usize = 512;

/// Export of a server that is open for reading, or for writing too.
///
/// It counts as a device with direct access: nothing of it is in a cache of this host, and several requests at a time are faster.
#[derive(Debug)]
pub(crate) struct Export {
    client: Arc<Client>,
    /// Ranges of zeros, as far as the server has told.
    zeros: Mutex<Zeros>,
    /// Image that the server offers the disk of.
    image: Option<&'static Served>,
}

/// Returns true for a name that is the URI of an export, or begins like one, and for that of an image that is served.
pub(crate) fn is_export(path: &Path) -> bool {
    served(path).is_some() || is_uri(path.as_os_str().as_bytes())
}

/// Connects to the export that the URI `path` names, or that offers the disk of the image `path`.
///
/// # Errors
/// [`Error::BadUri`], [`Error::NoExport`], [`Error::Untrusted`].
fn connect(path: &Path, context: Context) -> std::result::Result<Client, Error> {
    let uri = served(path).map_or(path, |served| &served.uri);
    let uri = Uri::parse(uri.as_os_str().as_bytes()).map_err(|reason| Error::BadUri {
        path: path.to_owned(),
        reason,
    })?;
    let connected = Client::connect(&uri, Limits::default(), context);
    connected.map_err(|failure| match failure {
        Failure::Untrusted(reason) => Error::Untrusted {
            path: path.to_owned(),
            reason,
        },
        failure => Error::NoExport {
            path: path.to_owned(),
            reason: failure.to_string(),
            is_tls: matches!(failure, Failure::Tls(_)),
            errno: match failure {
                Failure::Connect { errno, .. } => errno,
                _ => None,
            },
        },
    })
}

impl Export {
    /// Connects to the export that the URI `path` names, or that offers the disk of the image `path`.
    ///
    /// # Errors
    /// [`Error::BadUri`], [`Error::NoExport`], [`Error::Untrusted`].
    pub(crate) fn open(path: &Path) -> std::result::Result<Self, Error> {
        let client = connect(path, Context::Allocation)?;
        Ok(Self::of(Arc::new(client), served(path)))
    }

    /// As [`open`](Self::open), for writing.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], and [`Error::NoFlush`] if a sync would prove nothing.
    pub(crate) fn open_for_writing(path: &Path) -> std::result::Result<Self, Error> {
        let opened = Self::open(path)?;
        let export = opened.client.export();
        let path = path.to_owned();
        if export.is_read_only() {
            return Err(Error::ReadOnly { path });
        }
        if !export.can_flush() && !export.can_force() {
            return Err(Error::NoFlush { path });
        }
        Ok(opened)
    }

    fn of(client: Arc<Client>, image: Option<&'static Served>) -> Self {
        Self {
            client,
            zeros: Mutex::default(),
            image,
        }
    }

    /// Returns the image that the server offers the disk of; `None` if it serves something of its own.
    pub(crate) fn image(&self) -> Option<&'static Served> {
        self.image
    }

    /// Returns the failure after which nothing works, as a clause.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.client.failure().map(Failure::to_string)
    }

    /// Describes it, for the log.
    pub(crate) fn description(&self) -> String {
        let export = self.client.export();
        let blocks = export.blocks;
        let may = |can, what| if can { what } else { "" };
        format!(
            "an NBD export, in requests of {} to {} bytes{}{}{}",
            blocks.minimum,
            blocks.maximum,
            may(export.context.is_some(), ", zeros are known"),
            may(export.can_multi_conn(), ", up to 4 connections"),
            may(export.is_read_only(), ", read-only"),
        )
    }

    /// Returns a name for the export that is the same for all URIs that lead to the same socket, as far as that can be known. `None` if the
    /// kernel does not provide the parts.
    pub(crate) fn instance(&self) -> Option<String> {
        Some(format!("{} {}", sys::boot_id()?, self.place()?))
    }

    /// Returns true if both lead to the same socket and the same name.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.place(), other.place());
        ours.is_some() && ours == theirs
    }

    /// Returns the server and the name of the export, as words of printable ASCII.
    fn place(&self) -> Option<String> {
        let Uri {
            address, export, ..
        } = self.client.uri();
        let server = match address {
            Address::Tcp { .. } => self.client.peer()?.to_owned(),
            Address::Unix(path) => {
                let stat = sys::stat(path).ok()?;
                let file_system = sys::device_number(stat.file_system);
                format!("{file_system}/{}", stat.inode)
            }
        };
        Some(format!("nbd {server} {}", word(export.as_bytes())))
    }

    /// Cuts a range off at the end of the export; returns the length.
    fn within(&self, offset: u64, len: usize) -> usize {
        let left = self.client.export().size.saturating_sub(offset);
        usize::try_from(left).map_or(len, |left| left.min(len))
    }
}

/// Translates a failure to an error number of this system. Those of the protocol are those of Linux.
fn errno(failure: &Failure) -> Errno {
    match failure {
        Failure::Reply(1) => Errno::PERM,
        Failure::Reply(12) => Errno::NOMEM,
        Failure::Reply(28) => Errno::NOSPC,
        Failure::Reply(75) => Errno::OVERFLOW,
        Failure::Reply(108) => Errno::SHUTDOWN,
        Failure::Closed => Errno::CONNRESET,
        Failure::Silent { .. } => Errno::TIMEDOUT,
        Failure::Violation(_) => Errno::PROTO,
        Failure::Broken {
            errno: Some(number),
            ..
        } => Errno::from_raw_os_error(*number),
        // EIO, and EINVAL and ENOTSUP, which must not look as if direct access were refused.
        _ => Errno::IO,
    }
}

impl Medium for Export {
    fn granularity(&self) -> Option<usize> {
        let minimum = self.client.export().blocks.minimum;
        Some((minimum as usize).clamp(SECTOR, ALIGNMENT))
    }

    /// Uses the same connections: a server may accept no others.
    fn reader(&self, _direct: bool) -> Result<Box<dyn Medium>> {
        Ok(Box::new(Self::of(Arc::clone(&self.client), self.image)))
    }

    fn export(&self) -> Option<&Export> {
        Some(self)
    }

    fn size(&self) -> Result<u64> {
        Ok(self.client.export().size)
    }

    fn read(&self, _access: Access, buf: &mut [u8], offset: u64) -> Result<usize> {
        let len = self.within(offset, buf.len());
        if len > 0 {
            let read = self.client.read(&mut buf[..len], offset);
            read.map_err(|failure| errno(&failure))?;
        }
        Ok(len)
    }

    fn lend(&self, offset: u64, len: usize) -> Option<Lent> {
        // A failure is met again by whoever reads the range, and reported with its offset.
        let is_within = self.within(offset, len) == len;
        is_within
            .then(|| self.client.lend(offset, len).ok().flatten())
            .flatten()
    }

    fn write(&self, _access: Access, data: &[u8], offset: u64) -> Result<usize> {
        let len = self.within(offset, data.len());
        if len < data.len() {
            return Err(Errno::NOSPC);
        }
        let written = self.client.write(data, offset);
        written.map_err(|failure| errno(&failure))?;
        Ok(len)
    }

    fn zero(&self, how: Zeroing, offset: u64, len: u64) -> Result<()> {
        // The server may free the space, and what it reads afterwards are zeros.
        let len = u32::try_from(len).map_err(|_| Errno::OPNOTSUPP)?;
        if how != Zeroing::PunchHole || self.within(offset, len as usize) < len as usize {
            return Err(Errno::OPNOTSUPP);
        }
        match self.client.zero(offset, len) {
            Ok(true) => Ok(()),
            // Not known, or not for this range: zeros are written instead.
            Ok(false) | Err(Failure::Reply(22 | 95)) => Err(Errno::OPNOTSUPP),
            Err(failure) => Err(errno(&failure)),
        }
    }

    fn set_len(&self, _len: u64) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    fn sync(&self) -> Result<()> {
        self.client.flush().map_err(|failure| errno(&failure))
    }

    fn write_back(&self) -> Result<()> {
        Ok(())
    }

    fn next(&self, region: Region, offset: u64) -> Result<u64> {
        let size = self.client.export().size;
        // Locked while the server is asked: other threads need the same answer.
        let mut zeros = self.zeros.lock().unwrap_or_else(PoisonError::into_inner);
        let found = zeros.next(region == Region::Hole, offset, size, |offset, len| {
            match self.client.extents(offset, len) {
                Ok(extents) => extents.ok_or(Errno::OPNOTSUPP),
                // Not for this range: then it is read.
                Err(Failure::Reply(_)) => Err(Errno::OPNOTSUPP),
                Err(failure) => Err(errno(&failure)),
            }
        })?;
        match (found, region) {
            (Some(at), _) => Ok(at),
            (None, Region::Hole) => Ok(size),
            (None, Region::Data) => Err(Errno::NXIO),
        }
    }

    fn is_cached(&self, _offset: u64, _len: u64) -> Result<bool> {
        Err(Errno::OPNOTSUPP)
    }

    fn read_cached(&self, _buf: &mut [u8], _offset: u64) -> Result<usize> {
        Err(Errno::OPNOTSUPP)
    }

    fn read_ahead(&self, _wanted: bool) {}

    fn drop_cached(&self, _offset: u64, _len: u64) {}

    fn start_writeback(&self, _offset: u64, _len: u64) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }

    fn finish_writeback(&self, _offset: u64, _len: u64) -> Result<()> {
        Err(Errno::OPNOTSUPP)
    }
}
