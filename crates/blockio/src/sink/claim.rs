//! Opening a file or device to write, unless somebody else is using it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;

use super::{SinkOptions, lock};
use crate::Error;
use crate::holders;
use crate::node::{Kind, Node};
use crate::sys::{self, Errno};

/// How long somebody who has given up the lock may still take to give up the device.
const HANDING_OVER: Duration = Duration::from_millis(500);

/// What is open to write.
pub(super) struct Opened {
    pub(super) kind: Kind,
    pub(super) fd: OwnedFd,
    /// Of a file that was made, what its name is in.
    pub(super) directory: Option<OwnedFd>,
    /// What keeps a device locked.
    pub(super) lock: Option<OwnedFd>,
}

/// Opens what is at `path`, locks it if that is wanted, and claims a device.
///
/// # Errors
/// See [`Sink::open`](crate::Sink::open).
pub(super) fn open(path: &Path, options: SinkOptions) -> Result<Opened, Error> {
    let SinkOptions { force, create, .. } = options;
    let found = match Node::stat(path) {
        Err(Error::NotFound { .. }) if create => match super::create::create(path)? {
            Some(created) => {
                if options.lock {
                    lock::file(&created.fd, path)?;
                }
                return Ok(Opened {
                    kind: Kind::File,
                    fd: created.fd,
                    directory: Some(created.directory),
                    lock: None,
                });
            }
            // Somebody else was faster, or it was not to be made: then it is still not found.
            None => Node::stat(path)?,
        },
        found => found?,
    };
    if !force {
        refuse_used(path, &found)?;
    }
    // Before the claim: of two who want both, the second is to hear of the lock.
    let lock = (options.lock && found.kind == Kind::Device).then(|| lock::device(path));
    let lock = lock.transpose()?;
    let fd = open_or_claim(path, &found, force, lock.is_some())?;
    let node = Node::fstat(&fd, path)?;
    if !node.stat.same(&found.stat) {
        return Err(busy(
            path,
            "it was replaced while it was being opened".to_owned(),
        ));
    }
    if options.lock && node.kind == Kind::File {
        lock::file(&fd, path)?;
    }
    if node.kind == Kind::Device && is_read_only(&fd, path)? {
        return Err(Error::ReadOnly {
            path: path.to_owned(),
        });
    }
    Ok(Opened {
        kind: node.kind,
        fd,
        directory: None,
        lock,
    })
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
    if found.kind == Kind::Device {
        sys::open_exclusively_for_reading(path).map_err(|errno| refusal(path, &found, errno))?;
    }
    Ok(())
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
