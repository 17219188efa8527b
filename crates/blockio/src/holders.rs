//! Who is using a device or file that is to be written, or read as of one moment.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::Shown;
use crate::proc_tables::{self, Mount};
use crate::sys::{self, FileType, Stat};

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

/// Uses that do not make an exclusive open fail: a loop device that this file or device backs and
/// that is in use itself, and a file that is swapped to. Found as far as /proc and /sys can be read.
pub(crate) fn behind_the_kernels_back(target: &Stat) -> Option<String> {
    if target.file_type != FileType::BlockDevice && is_among(&proc_tables::swap_areas(), target) {
        return Some("it is in use as swap".to_owned());
    }
    loops_over(target).find_map(|name| {
        let device = sys::stat(Path::new(&name)).ok()?.device;
        let holder = of_device(device)?;
        Some(format!(
            "it backs {name}, and {}",
            holder.replacen("it ", "that ", 1)
        ))
    })
}

/// The loop device that a file which is open for writing is behind, as a clause, if it is behind one.
pub(crate) fn loop_over(target: &Stat) -> Option<String> {
    let name = loops_over(target).next()?;
    Some(format!("it backs {name}"))
}

/// The nodes of the loop devices that `target` backs.
fn loops_over(target: &Stat) -> impl Iterator<Item = String> {
    let disks = entries(Path::new("/sys/block")).into_iter();
    disks.filter_map(|disk| {
        let backing = fs::read(disk.join("loop/backing_file")).ok()?;
        let backing = backing.strip_suffix(b"\n").unwrap_or(&backing);
        let backing = sys::stat(Path::new(OsStr::from_bytes(backing))).ok()?;
        backing.same(target).then(|| device_node(&disk))
    })
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
        |lock| {
            let process = lock.process;
            match fs::read(format!("/proc/{process}/comm")) {
                Ok(command) => {
                    let command = Shown::bytes(command.trim_ascii_end());
                    format!("process {process} ({command})")
                }
                Err(_) => format!("process {process}"),
            }
        },
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
    let partitions = entries(&sysfs)
        .into_iter()
        .filter(|entry| is_partition(entry));
    let partitions: Vec<_> = partitions
        .filter_map(|entry| relative("its partition", entry))
        .collect();
    let disk = sysfs.parent().filter(|_| is_partition(&sysfs));
    let disk = disk.and_then(|disk| relative("its disk", disk.to_owned()));
    let itself = Device {
        number,
        name: "it".to_owned(),
        sysfs,
    };
    [itself].into_iter().chain(partitions).chain(disk).collect()
}

fn is_partition(sysfs: &Path) -> bool {
    sysfs.join("partition").exists()
}

fn relative(relation: &str, sysfs: PathBuf) -> Option<Device> {
    Some(Device {
        number: fs::read_to_string(sysfs.join("dev"))
            .ok()?
            .trim()
            .to_owned(),
        name: format!("{relation} {}", device_node(&sysfs)),
        sysfs,
    })
}

fn mounted(device: &Device, mounts: &[Mount]) -> Option<String> {
    let is_source = |mount: &Mount| {
        mount.device_number == device.number
            // File systems that span several devices are mounted under a number of their own.
            || mount.source.starts_with("/dev") && number_of(&mount.source).as_ref() == Some(&device.number)
    };
    let found = mounts.iter().filter(|mount| is_source(mount));
    let at: Vec<_> = found
        .map(|mount| Shown::path(&mount.mountpoint).to_string())
        .collect();
    (!at.is_empty()).then(|| format!("{} is mounted on {}", device.name, at.join(", ")))
}

fn held(device: &Device) -> Option<String> {
    let holders = entries(&device.sysfs.join("holders"));
    let names: Vec<_> = holders.iter().map(|holder| holder_name(holder)).collect();
    (!names.is_empty()).then(|| format!("{} is held by {}", device.name, names.join(", ")))
}

/// `/dev/dm-0 (vg-lv)`: the name that an administrator gave, where there is one.
fn holder_name(sysfs: &Path) -> String {
    let node = device_node(sysfs);
    match fs::read(sysfs.join("dm/name")) {
        Ok(name) => format!("{node} ({})", Shown::bytes(name.trim_ascii())),
        Err(_) => node,
    }
}

fn swapped_to(device: &Device) -> Option<String> {
    let swapped = |area: &PathBuf| number_of(area).as_ref() == Some(&device.number);
    let found = proc_tables::swap_areas().iter().any(swapped);
    found.then(|| format!("{} is in use as swap", device.name))
}

fn is_among(paths: &[PathBuf], target: &Stat) -> bool {
    paths
        .iter()
        .any(|path| sys::stat(path).is_ok_and(|stat| stat.same(target)))
}

/// `major:minor` of the block device at `path`.
fn number_of(path: &Path) -> Option<String> {
    let stat = sys::stat(path).ok()?;
    (stat.file_type == FileType::BlockDevice).then(|| sys::device_number(stat.device))
}

/// Where the device of a directory in /sys is found; `!` stands for `/` there.
fn device_node(sysfs: &Path) -> String {
    let name = sysfs.file_name().unwrap_or_default().as_bytes();
    format!("/dev/{}", Shown::bytes(name).to_string().replace('!', "/"))
}

/// The paths in a directory, in the order of their names; none if it cannot be read.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<_> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_with_a_number_of_its_own_is_found_by_its_source() {
        let disks = entries(Path::new("/sys/block"));
        let found = disks
            .iter()
            .find_map(|disk| Some((disk, number_of(Path::new(&device_node(disk)))?)));
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
                mount(&device_node(disk)),
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
