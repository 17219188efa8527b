//! Opening a file or device for writing, unless it is in use.

use std::path::Path;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;

use super::create::Made;
use super::{SinkOptions, lock};
use crate::Error;
use crate::holders;
use crate::image::lock::{self as image_lock, Conflicts, ImageLock, Locked};
use crate::node::{Kind, Node};
use crate::sys::{self, Errno};

/// Time for a process that has released the lock to close the device too, and for an interrupted copy to end.
const HANDING_OVER: Duration = Duration::from_millis(500);

/// File or device that is open for writing.
pub(super) struct Opened {
    pub(super) kind: Kind,
    pub(super) fd: OwnedFd,
    /// Name of a file that was created.
    pub(super) made: Option<Made>,
    /// Lock on a device.
    pub(super) lock: Option<OwnedFd>,
    /// Locks that keep virtual machines and other copies away.
    pub(super) image_lock: Option<ImageLock>,
}

/// Reason for not opening a file or device.
enum Refusal {
    Final(Error),
    /// Possibly caused by a process that is just ending.
    Passing(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Opens the file or device at `path`, locks it if asked to, and claims a device.
///
/// # Errors
/// See [`Sink::open`](crate::Sink::open).
pub(super) fn open(path: &Path, options: SinkOptions) -> Result<Opened, Error> {
    let deadline = Instant::now() + HANDING_OVER;
    loop {
        match attempt(path, options) {
            Ok(opened) => return Ok(opened),
            // Two copies that block each other must not retry at the same time.
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
            // Another process has created it, or it may not be created: then it is still not found.
            None => Node::stat(path)?,
        },
        found => found?,
    };
    if !force {
        refuse_used(path, &found)?;
    }
    // Looked up before it is open here as well, but reported after the lock: of two copies that want both, the second reports the lock.
    let writer =
        (!force && found.kind == Kind::File).then(|| holders::writer_of_file(path, &found.stat));
    let lock = (options.lock && found.kind == Kind::Device).then(|| lock::device(path));
    let lock = lock.transpose()?;
    let opening = Opening {
        exclusive: found.kind == Kind::Device && !force,
        patience: lock.as_ref().map_or(Duration::ZERO, |_| HANDING_OVER),
    };
    let fd = open_or_claim(path, &found, &opening)?;
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

/// Locks a file that was just created: no other process can have it open yet.
fn claim_made(fd: OwnedFd, made: Made, path: &Path, options: SinkOptions) -> Result<Opened, Error> {
    if options.lock {
        lock::file(&fd, path).inspect_err(|_| {
            // A failure to remove the empty file is less important than the reason.
            _ = made.remove_if_unused();
        })?;
    }
    let reader = sys::reopen_for_reading(&fd).ok();
    let locked = reader.map(|reader| image_lock::take(reader, Conflicts::Ignored));
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

/// Takes the locks by which virtual machines and other copies notice each other.
fn lock_image(
    fd: &OwnedFd,
    path: &Path,
    node: &Node,
    options: SinkOptions,
) -> Result<Option<ImageLock>, Refusal> {
    // With `force` several processes may share the destination on purpose: a lock would block the others.
    if options.force {
        return Ok(None);
    }
    // Over NFS, a flock(2) lock covers all bytes, so it would conflict with these byte locks.
    if options.lock && node.kind == Kind::File && sys::is_flock_of_bytes(fd) == Ok(true) {
        return Ok(None);
    }
    // Shared locks need a descriptor that is open for reading.
    let Ok(reader) = sys::reopen_for_reading(fd) else {
        return Ok(None);
    };
    match image_lock::take(reader, Conflicts::Refused) {
        Locked::Ours(lock) => Ok(lock),
        Locked::InUse => Err(Refusal::Passing(busy(
            path,
            holders::of_image_lock(&node.stat),
        ))),
    }
}

/// Finds a user who would make [`open`] without `force` fail, by opening a device for reading. Succeeds if the path does not exist.
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

/// Refuses a use that an exclusive open does not detect, and anything if /proc or /sys cannot tell.
fn refuse_used(path: &Path, found: &Node) -> Result<(), Error> {
    let unseen = |why| Error::Unseen {
        path: path.to_owned(),
        why,
    };
    if let Some(why) = holders::unseen() {
        return Err(unseen(why));
    }
    let holder = holders::without_claim(&found.stat).map_err(unseen)?;
    holder.map_or(Ok(()), |holder| Err(busy(path, holder)))
}

/// Parameters of opening for writing.
struct Opening {
    /// Claim it: fail if another process has done so, or if it is mounted or held.
    exclusive: bool,
    /// Time to wait for a process that has released its lock and not yet its claim.
    patience: Duration,
}

/// Opens `found` for writing.
fn open_or_claim(path: &Path, found: &Node, opening: &Opening) -> Result<OwnedFd, Error> {
    let deadline = Instant::now() + opening.patience;
    loop {
        match sys::open_for_writing(path, opening.exclusive) {
            Ok(fd) => return Ok(fd),
            // A process that ends releases its lock before its claim.
            Err(Errno::BUSY)
                if Instant::now() < deadline && holders::of_device(found.stat.device).is_none() =>
            {
                thread::sleep(lock::INTERVAL);
            }
            Err(errno) => return Err(refusal(path, found, errno)),
        }
    }
}

/// Translates a failure to open `found` for writing.
fn refusal(path: &Path, found: &Node, errno: Errno) -> Error {
    match (found.kind, errno) {
        (Kind::Device, Errno::BUSY) => {
            let holder = holders::of_device(found.stat.device);
            busy(
                path,
                holder.unwrap_or_else(|| "another process has it open exclusively".to_owned()),
            )
        }
        // Some drivers refuse to open a read-only device with the error number of a missing permission.
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
        .map_err(|errno| Error::io("check for write protection of", path, None, errno))
}

fn busy(path: &Path, holder: String) -> Error {
    Error::Busy {
        path: path.to_owned(),
        holder,
    }
}
