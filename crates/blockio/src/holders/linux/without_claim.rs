//! Loop devices on a device or file, and other uses without a claim.

use std::path::{Path, PathBuf};

use super::of_device;
use crate::linux::proc_tables;
use crate::linux::sysfs;
use crate::storage::Storage;
use crate::sys::{self, Errno, FileType, Stat};

/// Returns a clause that names a use that does not make an exclusive open fail: a loop device on it, or swap in a file. `None` if /proc
/// and /sys show none.
pub(crate) fn without_claim(target: &Stat) -> Option<String> {
    if target.file_type != FileType::BlockDevice && is_among(&proc_tables::swap_areas(), target) {
        return Some("it is in use as swap".to_owned());
    }
    let over = loops_over(target);
    let used = over.iter().find_map(|over| {
        let holder = of_device(over.device)?.replacen("it ", "that ", 1);
        Some(format!("it {}, and {holder}", over.relation()))
    });
    used.or_else(|| {
        let over = over.first()?;
        // A mount in another namespace is not visible, but it claims the device.
        let claim = sys::open_exclusively_for_reading(Path::new(&over.node));
        let claimed = matches!(claim, Err(Errno::BUSY));
        Some(if claimed {
            format!(
                "it {}, and another process or mount namespace has that in use",
                over.relation()
            )
        } else {
            format!("it {}", over.relation())
        })
    })
}

/// As [`without_claim`], without users that only read.
pub(crate) fn loop_that_writes(target: &Stat) -> Option<String> {
    let over = loops_over(target);
    let over = over.iter().find(|over| over.writable)?;
    Some(format!("it {}", over.relation()))
}

/// Loop device that shares bytes with a target and is not part of its storage.
struct LoopOver {
    node: String,
    device: u64,
    writable: bool,
    /// True if all of it lies on the target.
    on: bool,
}

impl LoopOver {
    fn relation(&self) -> String {
        let node = &self.node;
        if self.on {
            format!("backs {node}")
        } else {
            format!("shares bytes with {node}")
        }
    }
}

/// Returns the loop devices on `target`.
fn loops_over(target: &Stat) -> Vec<LoopOver> {
    let Some(storage) = Storage::of(target, None, Path::new("it")) else {
        return Vec::new();
    };
    let over = |directory: PathBuf| {
        sysfs::attribute(&directory, "loop/backing_file")?;
        let number = sysfs::text(&directory, "dev")?;
        if storage.lies_on(&number) {
            return None;
        }
        let shared = Storage::of_device(&number)?.shared_with(&storage)?;
        Some(LoopOver {
            node: sysfs::node(&directory),
            device: sys::device_of(&number)?,
            writable: sysfs::text(&directory, "ro").as_deref() != Some("1"),
            on: shared.lies_on(),
        })
    };
    let disks = sysfs::entries(Path::new("/sys/block")).into_iter();
    disks.filter_map(over).collect()
}

fn is_among(paths: &[PathBuf], target: &Stat) -> bool {
    paths
        .iter()
        .any(|path| sys::stat(path).is_ok_and(|stat| stat.same(target)))
}
