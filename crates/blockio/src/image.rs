//! Images: disks in files of another format than raw.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::Shown;

pub(crate) mod lock;
mod private_socket;

pub use private_socket::PrivateSocket;

/// Bytes at the beginning of a file that are looked at: the header, and the descriptor of a VMDK image, which ends before.
pub(crate) const HEAD: usize = 64 * 1024;

/// Image that a file has, by what it begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Format, as QEMU names it.
    pub format: &'static str,
    /// Reason for not opening it, as a clause: mostly that its content is also in other files.
    pub obstacle: Option<String>,
}

impl Image {
    /// Recognises an image of `len` bytes by its beginning. Every field of it is hostile.
    #[must_use]
    pub fn of(head: &[u8], len: u64) -> Option<Self> {
        let (format, obstacle) = if head.starts_with(b"QFI\xfb") {
            ("qcow2", obstacle_of_qcow2(head))
        } else if head.starts_with(b"KDMV") {
            ("vmdk", obstacle_of_vmdk(head))
        } else if head.starts_with(b"# Disk DescriptorFile") {
            (
                "vmdk",
                Some("it only names the files that have the content".to_owned()),
            )
        } else if head.starts_with(b"vhdxfile") {
            ("vhdx", None)
        } else if head.get(64..68) == Some(&[0x7f, 0x10, 0xda, 0xbe]) {
            ("vdi", obstacle_of_vdi(head, len))
        } else {
            return None;
        };
        Some(Self { format, obstacle })
    }
}

/// Offsets and bits are those of docs/interop/qcow2.txt of QEMU.
fn obstacle_of_qcow2(head: &[u8]) -> Option<String> {
    const CORRUPT: u64 = 2;
    const EXTERNAL_DATA: u64 = 4;
    let truncated = || Some("its header is cut off".to_owned());
    let (Some(version), Some(backing), Some(backing_len), Some(encryption)) =
        (be32(head, 4), be64(head, 8), be32(head, 16), be32(head, 32))
    else {
        return truncated();
    };
    if !(2..=3).contains(&version) {
        return Some(format!("its header is of version {version}"));
    }
    if backing != 0 || backing_len != 0 {
        let start = usize::try_from(backing).unwrap_or(usize::MAX);
        let end = start.saturating_add(backing_len as usize);
        let name = head.get(start..end).filter(|name| name.len() <= 1023);
        let name = name.map_or_else(|| "in a place that is not read".to_owned(), shown);
        return Some(format!("some of its content is in a backing file, {name}"));
    }
    if encryption != 0 {
        return Some("it is encrypted".to_owned());
    }
    if version == 2 {
        return None;
    }
    match be64(head, 72) {
        None => truncated(),
        Some(features) if features & EXTERNAL_DATA != 0 => {
            Some("its content is in another file, its external data file".to_owned())
        }
        // `qemu-img check` passes over it, and QEMU opens it for reading.
        Some(features) if features & CORRUPT != 0 => Some(
            "QEMU has marked it as corrupt (`qemu-img check -r all` repairs what can be repaired)"
                .to_owned(),
        ),
        Some(_) => None,
    }
}

/// Offsets are those of "Virtual Disk Format 5.0" of `VMware`.
fn obstacle_of_vmdk(head: &[u8]) -> Option<String> {
    const PARENT: &[u8] = b"parentFileNameHint";
    let (Some(capacity), Some(at), Some(sectors)) =
        (le64(head, 12), le64(head, 28), le64(head, 36))
    else {
        return Some("its header is cut off".to_owned());
    };
    if capacity == 0 {
        return Some("it only names the files that have the content".to_owned());
    }
    let end = at.checked_add(sectors).and_then(|end| end.checked_mul(512));
    if end.is_none_or(|end| end > HEAD as u64) {
        return Some("its descriptor is not at its beginning".to_owned());
    }
    let has_parent = head.windows(PARENT.len()).any(|window| window == PARENT);
    has_parent.then(|| "some of its content is in a parent file".to_owned())
}

/// A VDI image that is cut off would read as zeros there; `qemu-img check` does not notice. Offsets are those of block/vdi.c of QEMU.
fn obstacle_of_vdi(head: &[u8], len: u64) -> Option<String> {
    let (Some(data), Some(block), Some(blocks)) =
        (le32(head, 344), le32(head, 376), le32(head, 388))
    else {
        return Some("its header is cut off".to_owned());
    };
    let end = u64::from(block) * u64::from(blocks);
    let end = end.saturating_add(u64::from(data));
    (end > len).then(|| format!("it is cut off at {len} of {end} bytes"))
}

fn be32(head: &[u8], at: usize) -> Option<u32> {
    let bytes = head.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

fn be64(head: &[u8], at: usize) -> Option<u64> {
    let bytes = head.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

fn le32(head: &[u8], at: usize) -> Option<u32> {
    let bytes = head.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}

fn le64(head: &[u8], at: usize) -> Option<u64> {
    let bytes = head.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_le_bytes(bytes))
}

fn shown(name: &[u8]) -> String {
    Shown::path(Path::new(OsStr::from_bytes(name))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of a qcow2 image with these fields, and a name of a backing file at its end.
    fn qcow2(version: u32, backing: &[u8], encryption: u32, features: u64) -> Vec<u8> {
        let mut head = vec![0; 104];
        head[..4].copy_from_slice(b"QFI\xfb");
        head[4..8].copy_from_slice(&version.to_be_bytes());
        if !backing.is_empty() {
            head[8..16].copy_from_slice(&104_u64.to_be_bytes());
            head[16..20].copy_from_slice(&u32::try_from(backing.len()).unwrap().to_be_bytes());
        }
        head[32..36].copy_from_slice(&encryption.to_be_bytes());
        head[72..80].copy_from_slice(&features.to_be_bytes());
        head.extend_from_slice(backing);
        head
    }

    fn vmdk(capacity: u64, descriptor: u64, text: &[u8]) -> Vec<u8> {
        let mut head = vec![0; 512];
        head[..4].copy_from_slice(b"KDMV");
        head[12..20].copy_from_slice(&capacity.to_le_bytes());
        head[28..36].copy_from_slice(&descriptor.to_le_bytes());
        head[36..44].copy_from_slice(&20_u64.to_le_bytes());
        head.extend_from_slice(text);
        head
    }

    fn found(head: &[u8]) -> Option<(&'static str, String)> {
        Image::of(head, head.len() as u64)
            .map(|image| (image.format, image.obstacle.unwrap_or_default()))
    }

    #[test]
    fn formats_and_obstacles_are_recognised() {
        let mut vdi = vec![0; 512];
        vdi[64..68].copy_from_slice(&[0x7f, 0x10, 0xda, 0xbe]);
        vdi[344..348].copy_from_slice(&512_u32.to_le_bytes());
        vdi[376..380].copy_from_slice(&100_u32.to_le_bytes());
        let mut cut = vdi.clone();
        cut[388..392].copy_from_slice(&1_u32.to_le_bytes());
        let huge = {
            let mut head = qcow2(3, b"x", 0, 0);
            head[8..16].fill(0xff);
            head
        };
        let rows: Vec<(Vec<u8>, &str, &str)> = vec![
            (qcow2(2, b"", 0, 0), "qcow2", ""),
            (qcow2(3, b"", 0, 0), "qcow2", ""),
            (qcow2(3, b"", 0, 1), "qcow2", ""),
            (qcow2(1, b"", 0, 0), "qcow2", "of version 1"),
            (
                qcow2(3, b"/etc/shadow", 0, 0),
                "qcow2",
                "backing file, /etc/shadow",
            ),
            (huge, "qcow2", "not read"),
            (qcow2(2, b"", 1, 0), "qcow2", "encrypted"),
            (qcow2(3, b"", 0, 4), "qcow2", "external data file"),
            (qcow2(3, b"", 0, 2), "qcow2", "marked it as corrupt"),
            (b"QFI\xfb".to_vec(), "qcow2", "cut off"),
            (qcow2(3, b"", 0, 0)[..75].to_vec(), "qcow2", "cut off"),
            (vmdk(100, 1, b"parentCID=ffffffff"), "vmdk", ""),
            (
                vmdk(100, 1, b"parentFileNameHint=\"/x\""),
                "vmdk",
                "parent file",
            ),
            (vmdk(0, 1, b""), "vmdk", "names the files"),
            (vmdk(100, u64::MAX, b""), "vmdk", "not at its beginning"),
            (vmdk(100, 1 << 40, b""), "vmdk", "not at its beginning"),
            (b"KDMV".to_vec(), "vmdk", "cut off"),
            (
                b"# Disk DescriptorFile\n".to_vec(),
                "vmdk",
                "names the files",
            ),
            (b"vhdxfile".to_vec(), "vhdx", ""),
            (vdi, "vdi", ""),
            (cut, "vdi", "cut off at 512 of 612"),
        ];
        for (head, format, obstacle) in rows {
            let (is, says) = found(&head).expect(format);
            assert_eq!(is, format);
            let fits = says.contains(obstacle) && says.is_empty() == obstacle.is_empty();
            assert!(fits, "{format}: {says:?} instead of {obstacle:?}");
        }
        for head in [&b""[..], b"QFI", b"\0\0\0\0QFI\xfb", &[0; 512]] {
            assert_eq!(found(head), None);
        }
    }
}
