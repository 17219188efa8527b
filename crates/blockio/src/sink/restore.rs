//! Metadata of the destination.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::{Sink, create};
use crate::medium::is_export;
use crate::node::Kind;
use crate::sys::{self, Errno, FileType, Rights};
use crate::{Error, Owner, Restore};

/// The set-group-ID bit of a directory: its files get its group; see inode(7).
const SET_GROUP: u32 = 0o2000;

/// Returns user and group of the file at `path`, or those that a new file there would have. `None` if they decide nothing: for a device,
/// and where a server or another program decides.
fn owned(path: &Path, rights: &Rights) -> Result<Option<(u32, u32)>, Errno> {
    let decides = |path| sys::decides_by_owner(path) == Ok(true);
    match sys::stat(path) {
        Err(Errno::NOENT) => {
            let parent = create::parent_of(path);
            let directory = sys::stat(parent)?;
            let inherits = directory.mode & SET_GROUP != 0;
            let group = if inherits {
                directory.gid
            } else {
                rights.group
            };
            Ok(decides(parent).then_some((rights.user, group)))
        }
        found => {
            let stat = found?;
            let is_file = stat.file_type == FileType::RegularFile;
            Ok((is_file && decides(path)).then_some((stat.uid, stat.gid)))
        }
    }
}

impl Sink {
    /// Fails if [`restore`](Self::restore) of the file at `path`, or of one that would be created there, would fail because this process
    /// lacks a right. Opens and changes nothing. Succeeds if only trying can tell, as on network file systems.
    ///
    /// # Errors
    /// [`Error::Io`] with `EPERM` and the step that would fail.
    pub fn refuse_restore(path: impl AsRef<Path>, what: &Restore) -> Result<(), Error> {
        let path = path.as_ref();
        if is_export(path) {
            return Ok(());
        }
        let failed = |action| move |errno| Error::io(action, path, None, errno);
        let Ok(rights) = Rights::here() else {
            return Ok(());
        };
        let owned = owned(path, &rights).map_err(failed("find the owner of"))?;
        let Some((user, group)) = owned else {
            return Ok(());
        };
        let new_owner = what.owner.as_ref().map(Owner::user).transpose();
        let new_owner = new_owner.map_err(failed("look up the owner of"))?;
        let new_group = what.group.as_ref().map(Owner::group).transpose();
        let new_group = new_group.map_err(failed("look up the group of"))?;
        let is_own = user == rights.user;
        let gives = |new: u32| is_own && (new == group || rights.is_in(new));
        if !rights.gives_any && new_owner.is_some_and(|new| !is_own || new != user) {
            return Err(failed("set the owner of")(Errno::PERM));
        }
        if !rights.gives_any && new_group.is_some_and(|new| !gives(new)) {
            return Err(failed("set the group of")(Errno::PERM));
        }
        let changes = rights.changes_any || new_owner.unwrap_or(user) == rights.user;
        if what.mode.is_some() && !changes {
            return Err(failed("set the mode of")(Errno::PERM));
        }
        if what.times.is_some() && !changes {
            return Err(failed("set the times of")(Errno::PERM));
        }
        Ok(())
    }

    /// Sets length, owner, mode and times of a regular file, in this order. Call it after everything is written and zeroed, and before
    /// [`sync`](Self::sync), which then syncs them too.
    ///
    /// The order matters: writing and setting the length clear the set-user-ID bit and change the times, and a new owner clears the bit
    /// too. See ftruncate(2), fchown(2), fchmod(2) and utimensat(2).
    ///
    /// The owner is the user of that name on this machine, or else the number.
    ///
    /// # Errors
    /// [`Error::Io`] with the step that failed; the steps before it are done. `EOPNOTSUPP` for a device, because the attributes of its node
    /// belong to the machine, not to the content.
    pub fn restore(&self, what: &Restore) -> Result<(), Error> {
        let failed = |action| move |errno| Error::io(action, &self.path, None, errno);
        if self.kind == Kind::Device {
            return Err(failed("restore the metadata of")(Errno::OPNOTSUPP));
        }
        // Set first: a restore that fails half-way has already changed metadata, which must be synced.
        self.sync_all.store(true, Ordering::Relaxed);
        match what.size {
            Some(size) => self.resize(size)?,
            // Now, because doing it later would change the times.
            None => self.stretch()?,
        }
        let owner = what.owner.as_ref().map(Owner::user).transpose();
        let owner = owner.map_err(failed("look up the owner of"))?;
        let group = what.group.as_ref().map(Owner::group).transpose();
        let group = group.map_err(failed("look up the group of"))?;
        if owner.is_some() || group.is_some() {
            let action = if owner.is_some() {
                "set the owner of"
            } else {
                "set the group of"
            };
            self.medium
                .set_owner(owner, group)
                .map_err(failed(action))?;
        }
        if let Some(mode) = what.mode {
            let set = self.medium.set_mode(mode);
            set.map_err(failed("set the mode of"))?;
        }
        if let Some((accessed, modified)) = what.times {
            let set = self.medium.set_times(accessed, modified);
            set.map_err(failed("set the times of"))?;
        }
        Ok(())
    }

    /// Sets the length of the file, whatever was written or zeroed after that.
    fn resize(&self, size: u64) -> Result<(), Error> {
        let failed = |action| move |errno| Error::io(action, &self.path, None, errno);
        let now = self.medium.size().map_err(failed("find the size of"))?;
        if now != size {
            let action = if now > size { "truncate" } else { "extend" };
            self.medium.set_len(size).map_err(failed(action))?;
        }
        // The zeros at the end are included in that size.
        self.reach.store(0, Ordering::Relaxed);
        Ok(())
    }
}
