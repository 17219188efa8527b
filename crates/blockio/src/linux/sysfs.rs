//! Block devices in sysfs(5).

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::Shown;
use crate::sys::{self, FileType};

/// Mount point of sysfs.
pub(crate) const SYSFS: &str = "/sys";

/// Unit of `start` and `size`, in bytes, whatever the sector size of the device.
const SECTOR: u64 = 512;

/// Limit for the length of an attribute: a page, which is 64 KiB at most.
const LONGEST: u64 = 64 << 10;

/// Returns the directory of the block device with that `major:minor`.
pub(crate) fn device(sysfs: &Path, number: &str) -> Option<PathBuf> {
    fs::canonicalize(sysfs.join("dev/block").join(number)).ok()
}

pub(crate) fn is_partition(directory: &Path) -> bool {
    directory.join("partition").exists()
}

/// Returns the path of the node of a device; `!` stands for `/` in the name of its directory.
pub(crate) fn node(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default().as_bytes();
    format!("/dev/{}", Shown::bytes(name).to_string().replace('!', "/"))
}

/// Returns an attribute without its final newline; `None` if it cannot be read.
pub(crate) fn attribute(directory: &Path, name: &str) -> Option<Vec<u8>> {
    let file = File::open(directory.join(name)).ok()?;
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Some(bytes)
}

/// Returns an attribute that is text, such as `major:minor`.
pub(crate) fn text(directory: &Path, name: &str) -> Option<String> {
    let bytes = attribute(directory, name)?;
    Some(str::from_utf8(&bytes).ok()?.trim().to_owned())
}

/// Returns an attribute that counts sectors, in bytes.
pub(crate) fn bytes(directory: &Path, name: &str) -> Option<u64> {
    let sectors: u64 = text(directory, name)?.parse().ok()?;
    sectors.checked_mul(SECTOR)
}

/// Returns the paths in a directory, sorted by name; none if it cannot be read.
pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Returns the `major:minor` of the block device at `path`.
pub(crate) fn number_at(path: &Path) -> Option<String> {
    let stat = sys::stat(path).ok()?;
    (stat.file_type == FileType::BlockDevice).then(|| sys::device_number(stat.device))
}

/// Makes a tree like /sys for a test, from the attributes in its `devices`. 8:1 is the device at `devices/DEVICE`.
#[cfg(test)]
pub(crate) fn simulated(
    device: &str,
    attributes: &[(&str, impl AsRef<[u8]>)],
) -> tempfile::TempDir {
    let sysfs = tempfile::tempdir().unwrap();
    for (name, content) in attributes {
        let path = sysfs.path().join("devices").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::create_dir_all(sysfs.path().join("dev/block")).unwrap();
    fs::create_dir_all(sysfs.path().join("devices").join(device)).unwrap();
    let target = Path::new("../../devices").join(device);
    std::os::unix::fs::symlink(target, sysfs.path().join("dev/block/8:1")).unwrap();
    sysfs
}
