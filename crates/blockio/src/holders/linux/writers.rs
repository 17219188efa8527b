//! Processes that have a device or file open for writing, or have locked it.

use std::path::Path;

use super::openers::{self, Opener};
use crate::linux::{proc_tables, processes};
use crate::storage::Storage;
use crate::sys::{self, FileType, Stat};

/// Returns a clause that names a process that has a file open for writing, other than this process and its ancestors. Works for the
/// owner of the file and root.
///
/// Call it before this process has the file open for writing.
pub(crate) fn writer_of_file(path: &Path, target: &Stat) -> Option<String> {
    let fd = sys::open_for_reading(path).ok()?;
    if sys::is_open_for_writing(fd) != Ok(true) {
        return None;
    }
    let openers = openers::of_file(target);
    if openers.is_empty() {
        return Some("another process has it open for writing".to_owned());
    }
    open_for_writing(&openers::in_the_way(&openers))
}

/// True if another process is known to have a file open for writing, except for other parts of the same copy.
pub(crate) fn has_other_writer(target: &Stat) -> bool {
    !openers::outside_the_copy(&openers::of_file(target)).is_empty()
}

/// Returns a clause that names a process that has a device, or one that shares bytes with it, open for writing, other than this process
/// and its ancestors.
pub(crate) fn opener_of_device(device: u64) -> Option<String> {
    let openers = openers_of(device);
    open_for_writing(&openers::in_the_way(&openers))
}

/// As [`opener_of_device`], other than this process only.
pub(crate) fn other_opener_of_device(device: u64) -> Option<String> {
    let mut openers = openers_of(device);
    openers.retain(|opener| opener.process != std::process::id());
    open_for_writing(&openers)
}

fn openers_of(device: u64) -> Vec<Opener> {
    let storage = Storage::of_device(&sys::device_number(device));
    storage.map_or_else(Vec::new, |storage| openers::of_device(&storage))
}

fn open_for_writing(openers: &[Opener]) -> Option<String> {
    let names = openers::names(openers);
    let have = if openers.len() > 1 { "have" } else { "has" };
    (!openers.is_empty()).then(|| format!("{names} {have} it or a part of it open for writing"))
}

/// Returns a clause that names the holder of the locks of an image.
pub(crate) fn of_image_lock(target: &Stat) -> String {
    let openers = if target.file_type == FileType::BlockDevice {
        openers_of(target.device)
    } else {
        openers::of_file(target)
    };
    let openers = openers::in_the_way(&openers);
    open_for_writing(&openers)
        .unwrap_or_else(|| "a virtual machine (QEMU) or another copy has locked it".to_owned())
}

/// Returns the holder of a lock of flock(2) on a file or device node, as far as it is visible: `process 4711 (fdisk)`.
pub(crate) fn of_lock(target: &Stat) -> String {
    let file = sys::name_among_locks(target);
    let found = proc_tables::file_locks();
    // Otherwise it is in a namespace that is not visible from here.
    let found = found
        .iter()
        .find(|lock| lock.file == file && lock.process != 0);
    found.map_or_else(
        || "another process".to_owned(),
        |lock| processes::name(lock.process),
    )
}
