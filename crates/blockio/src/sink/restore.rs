//! Metadata of the destination.

use std::sync::atomic::Ordering;

use super::Sink;
use crate::node::Kind;
use crate::sys::{self, Errno, Rights};
use crate::{Error, Owner, Restore};

impl Sink {
    /// Fails if [`restore`](Self::restore) would fail because this process lacks a right; changes nothing. Succeeds if only trying can
    /// tell, as on network file systems.
    ///
    /// # Errors
    /// [`Error::Io`] with `EPERM` and the step that would fail.
    pub fn refuse_restore(&self, what: &Restore) -> Result<(), Error> {
        let failed = |action| move |errno| Error::io(action, &self.path, None, errno);
        let decides = self.medium.descriptor().and_then(sys::decides_by_owner);
        if self.kind == Kind::Device || decides != Ok(true) {
            return Ok(());
        }
        let stat = self.medium.stat().map_err(failed("find the owner of"))?;
        let Ok(rights) = Rights::here() else {
            return Ok(());
        };
        let owner = what.owner.as_ref().map(Owner::user).transpose();
        let owner = owner.map_err(failed("look up the owner of"))?;
        let group = what.group.as_ref().map(Owner::group).transpose();
        let group = group.map_err(failed("look up the group of"))?;
        let is_own = stat.uid == rights.user;
        let gives = |group: u32| is_own && (group == stat.gid || rights.is_in(group));
        if !rights.gives_any && owner.is_some_and(|owner| !is_own || owner != stat.uid) {
            return Err(failed("set the owner of")(Errno::PERM));
        }
        if !rights.gives_any && group.is_some_and(|group| !gives(group)) {
            return Err(failed("set the group of")(Errno::PERM));
        }
        let changes = rights.changes_any || owner.unwrap_or(stat.uid) == rights.user;
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
    /// [`Error::Io`] with the step that failed; the steps before it are done. `EOPNOTSUPP` for a device: its node belongs to the machine,
    /// not to its content.
    pub fn restore(&self, what: &Restore) -> Result<(), Error> {
        let failed = |action| move |errno| Error::io(action, &self.path, None, errno);
        if self.kind == Kind::Device {
            return Err(failed("restore the metadata of")(Errno::OPNOTSUPP));
        }
        // Part of it may be done even if it fails.
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
