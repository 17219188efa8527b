//! Backing files and devices of loop devices; see loop(4).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fd::AsFd;

use crate::linux::proc_tables::mount_id;
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

/// Returns the backing file or device, given the directory of the loop device in sysfs; `None` if it is not a loop device, or not
/// attached.
///
/// Asks the kernel through the node of the device. If that cannot be opened, the name of the file at the time of attaching is used.
pub(crate) fn attached(directory: &Path) -> Option<Attached> {
    let file = sysfs::attribute(directory, "loop/backing_file")?;
    let path = Path::new(OsStr::from_bytes(&file));
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
            name: word(&file),
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
            name: word(&file),
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
