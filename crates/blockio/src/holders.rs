//! Who is using a device or file that is to be written, or read as of one moment.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Shown;
use crate::openers::{self, Opener};
use crate::proc_tables::{self, Mount};
use crate::storage::Storage;
use crate::sys::{self, Errno, FileType, Stat};
use crate::sysfs;

/// A block device in /sys, and what to call it in a sentence about the one asked for.
struct Device {
    number: String,
    name: String,
    sysfs: PathBuf,
}

/// Who uses the device, a partition of it or the disk it is on, as a clause: `it is mounted on /srv`.
///
/// `None` if nobody is found; somebody in another mount namespace or another process's own claim
/// cannot be.
pub(crate) fn of_device(device: u64) -> Option<String> {
    found_among(device, &proc_tables::mounts())
}

/// As [`of_device`], but for those who only read it.
pub(crate) fn writer_of_device(device: u64) -> Option<String> {
    let mut mounts = proc_tables::mounts();
    mounts.retain(|mount| !mount.read_only);
    found_among(device, &mounts)
}

fn found_among(device: u64, mounts: &[Mount]) -> Option<String> {
    let family = family(device);
    let find = |search: &dyn Fn(&Device) -> Option<String>| family.iter().find_map(search);
    find(&|device| mounted(device, mounts))
        .or_else(|| find(&held))
        .or_else(|| find(&swapped_to))
}

/// The file system that would tell of uses and is not mounted, as in a bare chroot.
pub(crate) fn unseen() -> Option<&'static str> {
    [
        ("/proc", "/proc/self/mountinfo"),
        ("/sys", "/sys/dev/block"),
    ]
    .into_iter()
    .find_map(|(mount, file)| (!Path::new(file).exists()).then_some(mount))
}

/// Uses that do not make an exclusive open fail: a loop device that lies on it, and a file that is swapped to. Found as far as /proc
/// and /sys can be read.
pub(crate) fn behind_the_kernels_back(target: &Stat) -> Option<String> {
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
        // A mount in another namespace is not seen, but it claims the device.
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

/// As [`behind_the_kernels_back`], but for those who only read it.
pub(crate) fn loop_that_writes(target: &Stat) -> Option<String> {
    let over = loops_over(target);
    let over = over.iter().find(|over| over.writable)?;
    Some(format!("it {}", over.relation()))
}

/// Who has a file open for writing, as a clause, but for this process and those that have started it; asked by its owner or root.
///
/// To be asked before it is open for writing here.
pub(crate) fn writer_of_file(path: &Path, target: &Stat) -> Option<String> {
    let fd = sys::open_for_reading(path).ok()?;
    if sys::is_open_for_writing(fd) != Ok(true) {
        return None;
    }
    let openers = openers::of_file(target);
    if openers.is_empty() {
        return Some("somebody has it open for writing".to_owned());
    }
    open_for_writing(&openers::in_the_way(&openers))
}

/// Who has a device, or one that shares bytes with it, open for writing, as a clause, but for this process and those that have started it.
pub(crate) fn opener_of_device(device: u64) -> Option<String> {
    let openers = openers_of(device);
    open_for_writing(&openers::in_the_way(&openers))
}

/// As [`opener_of_device`], but for this process alone.
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

/// Who has locked an image, as a clause.
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

/// A loop device that shares bytes with something, and that this does not lie on.
struct LoopOver {
    node: String,
    device: u64,
    writable: bool,
    /// All of it lies on that.
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

/// The loop devices over `target`.
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

/// Who has locked a file or device node, see flock(2): `process 4711 (fdisk)`, as far as that can be seen from here.
pub(crate) fn of_lock(target: &Stat) -> String {
    let file = sys::name_among_locks(target);
    let found = proc_tables::file_locks();
    // Another one is in a namespace that is not visible from here.
    let found = found
        .iter()
        .find(|lock| lock.file == file && lock.process != 0);
    found.map_or_else(
        || "another process".to_owned(),
        |lock| proc_tables::process_name(lock.process),
    )
}

/// The device itself, then its partitions, then the disk it is a partition of.
fn family(device: u64) -> Vec<Device> {
    let number = sys::device_number(device);
    let Ok(sysfs) = fs::canonicalize(format!("/sys/dev/block/{number}")) else {
        // Without /sys there are still the mounts to look through.
        let sysfs = PathBuf::new();
        return vec![Device {
            number,
            name: "it".to_owned(),
            sysfs,
        }];
    };
    let partitions = sysfs::entries(&sysfs)
        .into_iter()
        .filter(|entry| sysfs::is_partition(entry));
    let partitions: Vec<_> = partitions
        .filter_map(|entry| relative("its partition", entry))
        .collect();
    let disk = sysfs.parent().filter(|_| sysfs::is_partition(&sysfs));
    let disk = disk.and_then(|disk| relative("its disk", disk.to_owned()));
    let itself = Device {
        number,
        name: "it".to_owned(),
        sysfs,
    };
    [itself].into_iter().chain(partitions).chain(disk).collect()
}

fn relative(relation: &str, sysfs: PathBuf) -> Option<Device> {
    Some(Device {
        number: fs::read_to_string(sysfs.join("dev"))
            .ok()?
            .trim()
            .to_owned(),
        name: format!("{relation} {}", sysfs::node(&sysfs)),
        sysfs,
    })
}

fn mounted(device: &Device, mounts: &[Mount]) -> Option<String> {
    let is_source = |mount: &Mount| {
        mount.device_number == device.number
            // File systems that span several devices are mounted under a number of their own.
            || mount.source.starts_with("/dev") && sysfs::number_at(&mount.source).as_ref() == Some(&device.number)
    };
    let found = mounts.iter().filter(|mount| is_source(mount));
    let at: Vec<_> = found
        .map(|mount| Shown::path(&mount.mountpoint).to_string())
        .collect();
    (!at.is_empty()).then(|| format!("{} is mounted on {}", device.name, at.join(", ")))
}

fn held(device: &Device) -> Option<String> {
    let holders = sysfs::entries(&device.sysfs.join("holders"));
    let names: Vec<_> = holders.iter().map(|holder| holder_name(holder)).collect();
    (!names.is_empty()).then(|| format!("{} is held by {}", device.name, names.join(", ")))
}

/// `/dev/dm-0 (vg-lv)`: the name that an administrator gave, where there is one.
fn holder_name(sysfs: &Path) -> String {
    let node = sysfs::node(sysfs);
    match fs::read(sysfs.join("dm/name")) {
        Ok(name) => format!("{node} ({})", Shown::bytes(name.trim_ascii())),
        Err(_) => node,
    }
}

fn swapped_to(device: &Device) -> Option<String> {
    let swapped = |area: &PathBuf| sysfs::number_at(area).as_ref() == Some(&device.number);
    let found = proc_tables::swap_areas().iter().any(swapped);
    found.then(|| format!("{} is in use as swap", device.name))
}

fn is_among(paths: &[PathBuf], target: &Stat) -> bool {
    paths
        .iter()
        .any(|path| sys::stat(path).is_ok_and(|stat| stat.same(target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_with_a_number_of_its_own_is_found_by_its_source() {
        let disks = sysfs::entries(Path::new("/sys/block"));
        let found = disks
            .iter()
            .find_map(|disk| Some((disk, sysfs::number_at(Path::new(&sysfs::node(disk)))?)));
        let Some((disk, number)) = found else {
            eprintln!("SKIPPED: there is no block device");
            return;
        };
        let mount = |source: &str| Mount {
            id: 1,
            device_number: "0:44".to_owned(),
            mountpoint: "/srv".into(),
            source: source.into(),
            read_only: false,
        };
        let device = Device {
            number,
            name: "it".to_owned(),
            sysfs: disk.clone(),
        };
        let found = mounted(
            &device,
            &[
                mount("/dev/null"),
                mount("tmpfs"),
                mount(&sysfs::node(disk)),
            ],
        );
        assert_eq!(found.as_deref(), Some("it is mounted on /srv"));
        assert_eq!(mounted(&device, &[mount("/dev/null")]), None);
    }
    #[test]
    fn holders_are_named_as_the_administrator_named_them() {
        // The shape of /sys/block/sda with a logical volume and an array on it.
        let sysfs = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(sysfs.path().join("holders/dm-3/dm")).unwrap();
        std::fs::write(sysfs.path().join("holders/dm-3/dm/name"), "vg-root\n").unwrap();
        std::fs::create_dir(sysfs.path().join("holders/md0")).unwrap();
        let device = Device {
            number: "8:0".to_owned(),
            name: "it".to_owned(),
            sysfs: sysfs.path().to_owned(),
        };
        let found = held(&device);
        assert_eq!(
            found.as_deref(),
            Some("it is held by /dev/dm-3 (vg-root), /dev/md0")
        );
    }
}
