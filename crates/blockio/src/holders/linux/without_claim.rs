//! Loop devices on a device or file, and other uses without a claim.

use std::path::{Path, PathBuf};

use super::of_device;
use crate::Unseen;
use crate::linux::proc_tables;
use crate::linux::sysfs;
use crate::storage::Storage;
use crate::sys::{self, Errno, FileType, Stat};

/// Returns a clause that names a use that does not make an exclusive open fail: a loop device on it, or swap in a file. `None` if /proc
/// and /sys show none.
///
/// # Errors
/// [`Unseen::SilentLoop`]
pub(crate) fn without_claim(target: &Stat) -> Result<Option<String>, Unseen> {
    if target.file_type != FileType::BlockDevice && is_among(&proc_tables::swap_areas(), target) {
        return Ok(Some("it is in use as swap".to_owned()));
    }
    let Loops { over, unclear } = loops_over(target);
    let used = over.iter().find_map(|over| {
        let holder = of_device(over.device)?.replacen("it ", "that ", 1);
        Some(format!("it {}, and {holder}", over.relation()))
    });
    let found = used.or_else(|| {
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
    });
    match unclear.filter(|_| found.is_none()) {
        Some(node) => Err(Unseen::SilentLoop { node }),
        None => Ok(found),
    }
}

/// As [`without_claim`], without users that only read.
pub(crate) fn loop_that_writes(target: &Stat) -> Option<String> {
    let over = loops_over(target).over;
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

/// Loop devices and their relation to a target.
#[derive(Default)]
struct Loops {
    over: Vec<LoopOver>,
    /// Node of one that may lie on the target, because its file is not known.
    unclear: Option<String>,
}

/// Returns the loop devices on `target`.
fn loops_over(target: &Stat) -> Loops {
    let mut loops = Loops::default();
    let Some(storage) = Storage::of(target, None, Path::new("it")) else {
        return loops;
    };
    for directory in sysfs::entries(Path::new("/sys/block")) {
        let over = loop_over(&directory, &storage, &mut loops.unclear);
        loops.over.extend(over);
    }
    loops
}

fn loop_over(directory: &Path, target: &Storage, unclear: &mut Option<String>) -> Option<LoopOver> {
    sysfs::attribute(directory, "loop/backing_file")?;
    let number = sysfs::text(directory, "dev")?;
    if target.lies_on(&number) {
        return None;
    }
    let (storage, silent) = Storage::of_device_next_to(&number, target)?;
    *unclear = unclear.take().or(silent);
    let shared = storage.shared_with(target)?;
    Some(LoopOver {
        node: sysfs::node(directory),
        device: sys::device_of(&number)?,
        writable: sysfs::text(directory, "ro").as_deref() != Some("1"),
        on: shared.lies_on(),
    })
}

fn is_among(paths: &[PathBuf], target: &Stat) -> bool {
    paths
        .iter()
        .any(|path| sys::stat(path).is_ok_and(|stat| stat.same(target)))
}
