//! Identifying a block device by its attributes in sysfs(5).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Failure;
use crate::Shown;
use crate::text::word;

/// Limit for the length of an attribute: a page, which is 64 KiB at most.
const LONGEST: u64 = 64 << 10;

/// Attributes with permanent names, and the word for each; the first that exists is used. Names given by an administrator come before
/// those of the hardware.
const NAMES: [(&str, &str); 4] = [
    ("dm", "dm/uuid"),
    ("wwid", "wwid"),
    ("wwid", "device/wwid"),
    ("serial", "serial"),
];

/// Prefixes of a WWID: the naming authority.
const KINDS: [&str; 4] = ["naa.", "eui.", "t10.", "uuid."];

/// Returns `device KIND VALUE` for the device with that `major:minor`; see [`Identity`](super::Identity). `sysfs` is the mount point of
/// sysfs; `attached` describes the backing file of a loop device, given its path.
pub(super) fn described(
    sysfs: &Path,
    number: &str,
    attached: impl FnOnce(&Path) -> Result<String, Failure>,
) -> Result<String, Failure> {
    let link = sysfs.join("dev/block").join(number);
    let device = fs::canonicalize(&link).map_err(|error| {
        Failure::Unknown(format!("{} cannot be read: {error}", Shown::path(&link)))
    })?;
    if !device.join("partition").exists() {
        return disk(&device, attached);
    }
    let parent = device.parent().unwrap_or(&device);
    let disk = disk(parent, attached)?;
    let start = value(&device, "start").ok_or_else(|| missing(&device, "start"))?;
    let text = format!("{disk} partition {start}");
    Ok(match partition_uuid(&device) {
        Some(uuid) => format!("{text} {uuid}"),
        None => text,
    })
}

fn disk(
    device: &Path,
    attached: impl FnOnce(&Path) -> Result<String, Failure>,
) -> Result<String, Failure> {
    if let Some(text) = NAMES.iter().find_map(|name| named(device, *name)) {
        return Ok(text);
    }
    if let Some(file) = attribute(device, "loop/backing_file") {
        let offset = value(device, "loop/offset").ok_or_else(|| missing(device, "loop/offset"))?;
        let file = file.strip_suffix(b"\n").unwrap_or(&file);
        let file = attached(Path::new(OsStr::from_bytes(file)))?;
        return Ok(format!("device loop {offset} {file}"));
    }
    named(device, ("md", "md/uuid")).ok_or_else(|| {
        let names = NAMES.map(|(_, name)| name).join(", ");
        missing(device, &format!("{names}, loop/backing_file or md/uuid"))
    })
}

fn missing(device: &Path, what: &str) -> Failure {
    Failure::Unknown(format!("{} has no {what}", Shown::path(device)))
}

fn named(device: &Path, (kind, name): (&str, &str)) -> Option<String> {
    let value = value(device, name)?;
    let number = KINDS.iter().find_map(|kind| value.strip_prefix(kind));
    let number = number.unwrap_or(&value);
    // Devices without a number of their own often report zeros: `naa.0000000000000000`.
    let is_number = number.bytes().any(|byte| byte != b'0' && byte != b'-');
    is_number.then(|| format!("device {kind} {value}"))
}

fn partition_uuid(device: &Path) -> Option<String> {
    let properties = attribute(device, "uevent")?;
    let mut lines = properties.split(|&byte| byte == b'\n');
    let uuid = lines.find_map(|line| line.strip_prefix(b"PARTUUID="))?;
    Some(word(uuid.trim_ascii())).filter(|uuid| !uuid.is_empty())
}

/// Returns an attribute as one word; `None` if it does not exist or is empty.
fn value(device: &Path, name: &str) -> Option<String> {
    let bytes = attribute(device, name)?;
    // Serial numbers are padded with spaces or zero bytes.
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0 && !byte.is_ascii_whitespace())?;
    Some(word(bytes[..=end].trim_ascii_start()))
}

/// Reads an attribute; `None` also if it cannot be read, because drivers fail reads of attributes that they do not know.
fn attribute(device: &Path, name: &str) -> Option<Vec<u8>> {
    let file = File::open(device.join(name)).ok()?;
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests;
