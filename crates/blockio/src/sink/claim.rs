//! Opening a file or device to write, unless somebody else is using it.

use std::path::Path;

use rustix::fd::OwnedFd;

use crate::Error;
use crate::holders;
use crate::node::{Kind, Node};
use crate::sys::{self, Errno};

/// What is open to write.
pub(super) struct Opened {
    pub(super) kind: Kind,
    pub(super) fd: OwnedFd,
    /// Of a file that was made, what its name is in.
    pub(super) directory: Option<OwnedFd>,
}

/// Opens what is at `path`, and claims a device. `force` opens it whoever is using it, `create` makes a file if there is nothing.
///
/// # Errors
/// See [`Sink::open`](crate::Sink::open).
pub(super) fn open(path: &Path, force: bool, create: bool) -> Result<Opened, Error> {
    let found = match Node::stat(path) {
        Err(Error::NotFound { .. }) if create => match super::create::create(path)? {
            Some(created) => {
                return Ok(Opened {
                    kind: Kind::File,
                    fd: created.fd,
                    directory: Some(created.directory),
                });
            }
            // Somebody else was faster, or it was not to be made: then it is still not found.
            None => Node::stat(path)?,
        },
        found => found?,
    };
    let holder = if force {
        None
    } else {
        holders::behind_the_kernels_back(&found.stat)
    };
    if let Some(holder) = holder {
        return Err(busy(path, holder));
    }
    let claim = found.kind == Kind::Device && !force;
    let fd = sys::open_for_writing(path, claim).map_err(|errno| refusal(path, &found, errno))?;
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
    Ok(Opened {
        kind: node.kind,
        fd,
        directory: None,
    })
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
