//! Opening a file or device to write, unless somebody else is using it.

use std::path::Path;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;

use super::create::Made;
use super::{SinkOptions, lock};
use crate::Error;
use crate::holders;
use crate::image_lock::{self, ImageLock, Locked};
use crate::node::{Kind, Node};
use crate::sys::{self, Errno};

/// Time for whoever has released the lock to close the device too, and for a copy that was cut off to end.
const HANDING_OVER: Duration = Duration::from_millis(500);

/// What is open to write.
pub(super) struct Opened {
    pub(super) kind: Kind,
    pub(super) fd: OwnedFd,
    /// The name of a file that was made.
    pub(super) made: Option<Made>,
    /// What keeps a device locked.
    pub(super) lock: Option<OwnedFd>,
    /// The locks that keep virtual machines and other copies away.
    pub(super) image_lock: Option<ImageLock>,
}

/// The reason that something is not opened.
enum Refusal {
    Final(Error),
    /// A process that is just ending may be the reason.
    Passing(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Opens what is at `path`, locks it if that is wanted, and claims a device.
///
/// # Errors
/// See [`Sink::open`](crate::Sink::open).
pub(super) fn open(path: &Path, options: SinkOptions) -> Result<Opened, Error> {
    let deadline = Instant::now() + HANDING_OVER;
    loop {
        match attempt(path, options) {
            Ok(opened) => return Ok(opened),
            // Two that are in each other's way do not try again at the same time.
            Err(Refusal::Passing(_)) if Instant::now() < deadline => {
                let offset = Duration::from_millis(u64::from(process::id() % 50));
                thread::sleep(lock::INTERVAL + offset);
            }
            Err(Refusal::Passing(error) | Refusal::Final(error)) => return Err(error),
        }
    }
}

fn attempt(path: &Path, options: SinkOptions) -> Result<Opened, Refusal> {
    let SinkOptions { force, create, .. } = options;
    let found = match Node::stat(path) {
        Err(Error::NotFound { .. }) if create => match super::create::create(path)? {
            Some((fd, made)) => return Ok(claim_made(fd, made, path, options)?),
            // Somebody else was faster, or it was not to be made: then it is still not found.
            None => Node::stat(path)?,
        },
        found => found?,
    };
    if !force {
        refuse_used(path, &found)?;
    }
    // Asked before it is open here as well, and told after the lock: of two who want both, the second is to hear of the lock.
    let writer =
        (!force && found.kind == Kind::File).then(|| holders::writer_of_file(path, &found.stat));
    let lock = (options.lock && found.kind == Kind::Device).then(|| lock::device(path));
    let lock = lock.transpose()?;
    let fd = open_or_claim(path, &found, force, lock.is_some())?;
    let node = Node::fstat(&fd, path)?;
    if !node.stat.same(&found.stat) {
        return Err(busy(path, "it was replaced while it was being opened".to_owned()).into());
    }
    if options.lock && node.kind == Kind::File {
        lock::file(&fd, path)?;
    }
    if node.kind == Kind::Device && is_read_only(&fd, path)? {
        let path = path.to_owned();
        return Err(Error::ReadOnly { path }.into());
    }
    let writer = writer.flatten().or_else(|| {
        let asked = !force && node.kind == Kind::Device;
        asked.then(|| holders::opener_of_device(node.stat.device))?
    });
    if let Some(writer) = writer {
        return Err(Refusal::Passing(busy(path, writer)));
    }
    Ok(Opened {
        kind: node.kind,
        image_lock: lock_image(&fd, path, &node, options)?,
        fd,
        made: None,
        lock,
    })
}

/// A file that was made just now: nobody else can know it yet.
fn claim_made(fd: OwnedFd, made: Made, path: &Path, options: SinkOptions) -> Result<Opened, Error> {
    if options.lock {
        lock::file(&fd, path).inspect_err(|_| {
            // The reason that it cannot be locked says more than that an empty file remains.
            _ = made.remove_if_unused();
        })?;
    }
    let reader = sys::reopen_for_reading(&fd).ok();
    let locked = reader.map(|reader| image_lock::take(reader, true));
    let image_lock = match locked {
        Some(Locked::Ours(lock)) => lock,
        Some(Locked::InUse) | None => None,
    };
    Ok(Opened {
        kind: Kind::File,
        fd,
        made: Some(made),
        lock: None,
        image_lock,
    })
}

/// Takes the locks by which virtual machines and other copies know of each other.
fn lock_image(
    fd: &OwnedFd,
    path: &Path,
    node: &Node,
    options: SinkOptions,
) -> Result<Option<ImageLock>, Refusal> {
    // Whoever is told to write to what others have is one of several that share it: a lock would be in the way of the others.
    if options.force {
        return Ok(None);
    }
    // Over NFS a lock of flock(2) is one of all bytes, and in the way of these.
    if options.lock && node.kind == Kind::File && sys::is_flock_of_bytes(fd) == Ok(true) {
        return Ok(None);
    }
    // Locks for sharing are for descriptors that can be read.
    let Ok(reader) = sys::reopen_for_reading(fd) else {
        return Ok(None);
    };
    match image_lock::take(reader, false) {
        Locked::Ours(lock) => Ok(lock),
        Locked::InUse => Err(Refusal::Passing(busy(
            path,
            holders::of_image_lock(&node.stat),
        ))),
    }
}

/// Says who would be in the way of [`open`] without `force`, by opening a device for reading. That there is nothing is for others to say.
///
/// # Errors
/// See [`Sink::refuse_used`](crate::Sink::refuse_used).
pub(super) fn probe(path: &Path) -> Result<(), Error> {
    let found = match Node::stat(path) {
        Err(Error::NotFound { .. }) => return Ok(()),
        found => found?,
    };
    refuse_used(path, &found)?;
    let writer = match found.kind {
        Kind::File => holders::writer_of_file(path, &found.stat),
        Kind::Device => {
            sys::open_exclusively_for_reading(path)
                .map_err(|errno| refusal(path, &found, errno))?;
            holders::opener_of_device(found.stat.device)
        }
    };
    let locked = || image_lock::is_in_use(path).then(|| holders::of_image_lock(&found.stat));
    match writer.or_else(locked) {
        Some(holder) => Err(busy(path, holder)),
        None => Ok(()),
    }
}

/// Refuses what is used in a way that an exclusive open does not find, and anything where nobody could tell.
fn refuse_used(path: &Path, found: &Node) -> Result<(), Error> {
    if let Some(missing) = holders::unseen() {
        let why = format!("nobody can tell whether it is in use, because {missing} is not mounted");
        return Err(busy(path, why));
    }
    holders::behind_the_kernels_back(&found.stat).map_or(Ok(()), |holder| Err(busy(path, holder)))
}

/// Opens `found` for writing; without `force`, a device exclusively.
fn open_or_claim(path: &Path, found: &Node, force: bool, locked: bool) -> Result<OwnedFd, Error> {
    let claim = found.kind == Kind::Device && !force;
    let patience = if locked { HANDING_OVER } else { Duration::ZERO };
    let deadline = Instant::now() + patience;
    loop {
        match sys::open_for_writing(path, claim) {
            Ok(fd) => return Ok(fd),
            // The lock of a process that ends goes before its claim does.
            Err(Errno::BUSY)
                if Instant::now() < deadline && holders::of_device(found.stat.device).is_none() =>
            {
                thread::sleep(lock::INTERVAL);
            }
            Err(errno) => return Err(refusal(path, found, errno)),
        }
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
        _ => Error::opening_to_write(path, errno),
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
