//! Finding users of a destination, or of a source, as far as macOS tells.

use std::fs;
use std::path::Path;

use crate::sys::{self, FileType, Mount, Stat};
use crate::{Shown, Unseen};

use super::disk_names;

/// Limit for the names in a message.
const MOST: usize = 3;

/// Returns a clause that names a file system on the device, a partition of it or its disk: `it is mounted on /Volumes/disk`.
///
/// `None` if none is found. A volume of APFS lies in a container, whose disk is another one: its mount is not found.
pub(crate) fn of_device(device: u64) -> Option<String> {
    mounted(device, |_| true)
}

/// As [`of_device`], without mounts that only read.
pub(crate) fn writer_of_device(device: u64) -> Option<String> {
    mounted(device, |mount| !mount.read_only)
}

/// Returns the reason for not finding users: there is none.
pub(crate) fn unseen() -> Option<Unseen> {
    None
}

/// Returns a clause that refuses a device: macOS has no exclusive open, so that a file system could be mounted at any time.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Linux")]
pub(crate) fn without_claim(target: &Stat) -> Result<Option<String>, Unseen> {
    if target.file_type != FileType::BlockDevice {
        return Ok(None);
    }
    let used = of_device(target.device).or_else(|| opener_of_device(target.device));
    Ok(Some(used.unwrap_or_else(|| {
        "nobody can tell whether it is in use, because macOS opens no device exclusively".to_owned()
    })))
}

/// Returns a loop device on a target. macOS has none.
pub(crate) fn loop_that_writes(_target: &Stat) -> Option<String> {
    None
}

/// Returns a clause that names a process that has a file open for writing, other than this process and its ancestors. Only root sees the
/// processes of other users.
pub(crate) fn writer_of_file(_path: &Path, target: &Stat) -> Option<String> {
    open_for_writing(&in_the_way(sys::writers(target)))
}

/// True if another process is known to have a file open for writing.
pub(crate) fn has_other_writer(target: &Stat) -> bool {
    !others(sys::writers(target)).is_empty()
}

/// As [`writer_of_file`], for a device.
pub(crate) fn opener_of_device(device: u64) -> Option<String> {
    open_for_writing(&in_the_way(openers_of(device)))
}

/// As [`opener_of_device`], other than this process only.
pub(crate) fn other_opener_of_device(device: u64) -> Option<String> {
    open_for_writing(&others(openers_of(device)))
}

/// Returns a clause that names the holder of the locks of an image.
pub(crate) fn of_image_lock(target: &Stat) -> String {
    open_for_writing(&in_the_way(sys::writers(target)))
        .unwrap_or_else(|| "a virtual machine (QEMU) or another copy has locked it".to_owned())
}

/// Returns the holder of a lock of flock(2): macOS does not tell.
pub(crate) fn of_lock(_target: &Stat) -> String {
    "another process".to_owned()
}

fn mounted(device: u64, counts: impl Fn(&Mount) -> bool) -> Option<String> {
    let name = name_of(device)?;
    let mounts = sys::mounts().ok()?;
    let found = mounts.iter().filter(|mount| counts(mount));
    found
        .filter_map(|mount| Some((mount, disk_names::relation(&name, mount.source.to_str()?)?)))
        .map(|(mount, who)| format!("{who} is mounted on {}", Shown::path(&mount.mountpoint)))
        .next()
}

/// Returns the path of the node of a block device: `/dev/disk2`.
fn name_of(device: u64) -> Option<String> {
    let nodes = fs::read_dir("/dev").ok()?.flatten();
    nodes.map(|node| node.path()).find_map(|path| {
        let name = path.to_str()?;
        let is_it = name.starts_with("/dev/disk") && is_node_of(&path, device);
        is_it.then(|| name.to_owned())
    })
}

fn is_node_of(path: &Path, device: u64) -> bool {
    sys::stat(path)
        .is_ok_and(|stat| stat.file_type == FileType::BlockDevice && stat.device == device)
}

fn openers_of(device: u64) -> Vec<i32> {
    name_of(device)
        .and_then(|name| sys::stat(Path::new(&name)).ok())
        .map_or_else(Vec::new, |stat| sys::writers(&stat))
}

fn others(mut processes: Vec<i32>) -> Vec<i32> {
    let own = std::process::id().cast_signed();
    processes.retain(|process| *process != own);
    processes
}

/// Returns the processes that conflict with a writer: not this one, nor its ancestors, which may keep a file open for it.
fn in_the_way(mut processes: Vec<i32>) -> Vec<i32> {
    let mut ancestors = vec![std::process::id().cast_signed()];
    while let Some(parent) = ancestors.last().and_then(|last| sys::parent_of(*last)) {
        // A process ID may be used again while this is read.
        if parent == 0 || ancestors.contains(&parent) {
            break;
        }
        ancestors.push(parent);
    }
    processes.retain(|process| !ancestors.contains(process));
    processes
}

fn open_for_writing(processes: &[i32]) -> Option<String> {
    let name = |process: &i32| {
        let program = sys::program_of(*process);
        format!("process {process} ({})", Shown::bytes(&program))
    };
    let named: Vec<_> = processes.iter().take(MOST).map(name).collect();
    let (have, more) = match processes.len() {
        0 => return None,
        1 => ("has", String::new()),
        count if count <= MOST => ("have", String::new()),
        count => ("have", format!(" and {} more", count - MOST)),
    };
    let named = named.join(", ");
    Some(format!("{named}{more} {have} it open for writing"))
}
