//! Backing files and devices of loop devices; see loop(4).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fd::AsFd;

use crate::linux::mounts::{Mount, mount_at, mount_id};
use crate::linux::patience::answer_to;
use crate::linux::sysfs;
use crate::sys::{self, FileType, Stat};
use crate::text::word;

/// File or device that a loop device reads and writes, from `offset` bytes on.
#[derive(Debug, Clone)]
pub(crate) enum Attached {
    Device {
        /// `major:minor`.
        number: String,
        offset: u64,
    },
    File {
        /// Number of its file system, and inode.
        file: (u64, u64),
        /// Mount through which it is found.
        mount: Option<u32>,
        name: String,
        offset: u64,
    },
}

/// Loop device whose file the kernel does not tell in time: it is on a server, or on a file system in another process, that is slow or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silent {
    /// Its directory in sysfs.
    pub(crate) directory: PathBuf,
    /// The file system that its file lies on, as far as its name tells.
    named: Named,
}

/// File system that the name of a silent file leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// One on a server or in another process.
    Remote,
    /// A local one, or none. It was found there, or not, and so it is known if it lies there.
    Looked,
    /// A local one with that `major:minor`, which did not answer either.
    Local(String),
}

impl Silent {
    /// True if its file may be on that file system.
    ///
    /// A name that leads to a local file system can mean another one: that of another mount namespace, or one that was unmounted while it was
    /// in use.
    pub(crate) fn may_lie_on(&self, mount: &Mount) -> bool {
        match &self.named {
            // The files of a target's own file system are waited for.
            Named::Remote => false,
            Named::Looked => !mount.is_local(),
            Named::Local(number) => !mount.is_local() || *number == mount.device_number,
        }
    }
}

/// Answer to the question what a loop device is attached to.
#[derive(Debug, Clone, Default)]
struct Answer {
    /// `None` if it is not a loop device, or not attached.
    attached: Option<Attached>,
    /// Set if the kernel did not answer in time: then `attached` is only what the name leads to.
    silent: Option<Silent>,
}

/// Answers without all that was asked for, by directory in sysfs: none is waited for twice.
static LATE: Mutex<BTreeMap<PathBuf, Answer>> = Mutex::new(BTreeMap::new());

/// Returns the backing file or device, given the directory of the loop device in sysfs; `None` if it is not a loop device, or not attached.
///
/// Waits without a limit, as whatever lies on that loop device must.
pub(crate) fn attached(directory: &Path) -> Option<Attached> {
    let path = backing_path(directory)?;
    examined(directory, &path)
}

/// As [`attached`], for a loop device that what is copied may have nothing to do with. Waits for a file system other than those that
/// `is_needed` returns true for only so long, and otherwise adds the loop device to `silent`.
pub(crate) fn attached_soon(
    directory: &Path,
    mounts: &[Mount],
    is_needed: impl Fn(&Mount) -> bool,
    silent: &RefCell<Vec<Silent>>,
) -> Option<Attached> {
    let path = backing_path(directory)?;
    let mount = mount_at(&path, mounts);
    // A target on the same file system has just been asked about, so that one answers in the end. A name that leads to a local one may mislead.
    if mount.is_some_and(|mount| !mount.is_local() && is_needed(mount)) {
        return examined(directory, &path);
    }
    let answer = answer_soon(directory, &path, mount);
    silent.borrow_mut().extend(answer.silent);
    answer.attached
}

fn backing_path(directory: &Path) -> Option<PathBuf> {
    let file = sysfs::attribute(directory, "loop/backing_file")?;
    Some(PathBuf::from(OsString::from_vec(file)))
}

fn answer_soon(directory: &Path, path: &Path, mount: Option<&Mount>) -> Answer {
    let mut late = LATE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(answer) = late.get(directory) {
        return answer.clone();
    }
    let asked = directory.to_owned();
    // The file system of the file decides how long this takes: it is asked for the inode. A local one need not read its disk for that.
    let told = answer_to(move || backing(&asked));
    let is_told = told.is_some();
    let (answer, is_whole) = match told.flatten() {
        Some(backing) => told_of(backing, path),
        None => by_name(directory, path, mount, is_told),
    };
    if !is_whole {
        late.insert(directory.to_owned(), answer.clone());
    }
    answer
}

/// Returns what the kernel has told, and true if the mount, which is only found by the name, is in it.
fn told_of(backing: sys::Backing, path: &Path) -> (Answer, bool) {
    let name = path.to_owned();
    let mount = answer_to(move || mount_through(&name, backing));
    let is_whole = mount.is_some();
    let attached = Some(backed(backing, mount.flatten(), path));
    let silent = None;
    (Answer { attached, silent }, is_whole)
}

/// Returns what the name leads to, and true if nothing was silent. With `is_told`, the kernel has answered that it cannot tell.
fn by_name(directory: &Path, path: &Path, mount: Option<&Mount>, is_told: bool) -> (Answer, bool) {
    let is_remote = mount.is_some_and(|mount| !mount.is_local());
    let (asked, name) = (directory.to_owned(), path.to_owned());
    let found = (is_told || !is_remote).then(|| answer_to(move || named(&asked, &name)));
    let found = found.flatten();
    let is_whole = is_told && found.is_some();
    let named = match mount {
        Some(_) if is_remote => Named::Remote,
        Some(mount) if found.is_none() => Named::Local(mount.device_number.clone()),
        _ => Named::Looked,
    };
    let silent = (!is_whole).then(|| Silent {
        directory: directory.to_owned(),
        named,
    });
    let attached = found.flatten();
    (Answer { attached, silent }, is_whole)
}

/// Asks the kernel through the node of the device. If that cannot be opened, the name of the file at the time of attaching is used.
fn examined(directory: &Path, path: &Path) -> Option<Attached> {
    backing(directory).map_or_else(
        || named(directory, path),
        |backing| Some(backed(backing, mount_through(path, backing), path)),
    )
}

fn backed(backing: sys::Backing, mount: Option<u32>, path: &Path) -> Attached {
    let offset = backing.offset;
    if backing.device != 0 {
        let number = sys::device_number(backing.device);
        return Attached::Device { number, offset };
    }
    Attached::File {
        file: (backing.file_system, backing.inode),
        mount,
        name: word(path.as_os_str().as_bytes()),
        offset,
    }
}

/// Returns the mount of a file by its name: in another mount namespace, that may refer to another file.
fn mount_through(path: &Path, backing: sys::Backing) -> Option<u32> {
    let found = sys::stat(path).ok().filter(|found| backing.is(found));
    found.and_then(|_| mount_of(path))
}

/// Returns what the name of the file at the time of attaching leads to.
fn named(directory: &Path, path: &Path) -> Option<Attached> {
    let offset = sysfs::text(directory, "loop/offset")?.parse().ok()?;
    let Stat {
        file_system,
        inode,
        device,
        file_type,
        ..
    } = sys::stat(path).ok()?;
    Some(if file_type == FileType::BlockDevice {
        let number = sys::device_number(device);
        Attached::Device { number, offset }
    } else {
        Attached::File {
            file: (file_system, inode),
            mount: mount_of(path),
            name: word(path.as_os_str().as_bytes()),
            offset,
        }
    })
}

fn backing(directory: &Path) -> Option<sys::Backing> {
    let number = sysfs::text(directory, "dev")?;
    let node = sysfs::node(directory);
    let node = Path::new(&node);
    // The node must still be this device: to open anything else might block or have side effects.
    if sysfs::number_at(node)? != number {
        return None;
    }
    let fd = sys::open_to_identify(node).ok()?;
    let stat = sys::fstat(&fd).ok()?;
    if sys::device_number(stat.device) != number {
        return None;
    }
    sys::loop_backing(fd).ok()
}

fn mount_of(path: &Path) -> Option<u32> {
    let fd = sys::open_to_identify(path).ok()?;
    mount_id(fd.as_fd())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_file_may_lie_where_neither_its_name_nor_its_silence_says_otherwise() {
        let mount = |device_number: &str, file_system: &str| Mount {
            id: 1,
            device_number: device_number.to_owned(),
            mountpoint: "/srv".into(),
            file_system: file_system.to_owned(),
            source: "host:/srv".into(),
            read_only: false,
        };
        let [nfs, ext4, other] = [
            mount("0:44", "nfs4"),
            mount("8:1", "ext4"),
            mount("8:2", "ext4"),
        ];
        for (named, lies) in [
            (Named::Remote, [false, false, false]),
            (Named::Looked, [true, false, false]),
            (Named::Local("8:1".to_owned()), [true, true, false]),
        ] {
            let directory = PathBuf::from("/sys/block/loop0");
            let silent = Silent { directory, named };
            let found = [&nfs, &ext4, &other].map(|mount| silent.may_lie_on(mount));
            assert_eq!(found, lies, "{silent:?}");
        }
    }
}
