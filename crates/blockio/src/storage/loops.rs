//! Backing files and devices of loop devices; see loop(4).

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fd::AsFd;

use crate::linux::patience::answer_to;
use crate::linux::proc_tables::{Mount, mount_at, mount_id};
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

/// Directories in sysfs of the loop devices whose backing files did not answer. Each is asked about once.
static SILENT: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// Returns the backing file or device, given the directory of the loop device in sysfs; `None` if it is not a loop device, or not
/// attached, or if the file is on a server, or on a file system in another process, that does not answer. Nothing that is copied lies there
/// then: it could not be opened.
pub(crate) fn attached(directory: &Path, mounts: &[Mount]) -> Option<Attached> {
    let file = sysfs::attribute(directory, "loop/backing_file")?;
    let path = PathBuf::from(OsString::from_vec(file));
    if mount_at(&path, mounts).is_none_or(Mount::is_local) {
        return examined(directory, &path);
    }
    let mut silent = SILENT.lock().unwrap_or_else(PoisonError::into_inner);
    let silent = silent.get_or_insert_default();
    if silent.contains(directory) {
        return None;
    }
    let asked = directory.to_owned();
    let answer = answer_to(move || examined(&asked, &path));
    if answer.is_none() {
        silent.insert(directory.to_owned());
    }
    answer?
}

/// Asks the kernel through the node of the device. If that cannot be opened, the name of the file at the time of attaching is used.
fn examined(directory: &Path, path: &Path) -> Option<Attached> {
    let found = sys::stat(path).ok();
    if let Some(backing) = backing(directory) {
        let offset = backing.offset;
        if backing.device != 0 {
            let number = sys::device_number(backing.device);
            return Some(Attached::Device { number, offset });
        }
        // In another mount namespace, the name may refer to another file.
        let mount = found
            .filter(|found| backing.is(found))
            .and_then(|_| mount_of(path));
        return Some(Attached::File {
            file: (backing.file_system, backing.inode),
            mount,
            name: word(path.as_os_str().as_bytes()),
            offset,
        });
    }
    let offset = sysfs::text(directory, "loop/offset")?.parse().ok()?;
    let Stat {
        file_system,
        inode,
        device,
        file_type,
        ..
    } = found?;
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
