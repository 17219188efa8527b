//! Finding users by /proc and /sys.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Shown;
use crate::linux::mounts::{self, Mount};
use crate::linux::proc_tables;
use crate::linux::sysfs;
use crate::sys;

mod needed;
mod openers;
mod without_claim;
mod writers;

pub(crate) use needed::unseen;
pub(crate) use without_claim::{loop_that_writes, without_claim};
pub(crate) use writers::{
    has_other_writer, of_image_lock, of_lock, opener_of_device, other_opener_of_device,
    writer_of_file,
};

/// Block device in /sys, and its name in a sentence about the device in question.
struct Device {
    number: String,
    name: String,
    sysfs: PathBuf,
}

/// Returns a clause that names a user of the device, a partition of it or its disk: `it is mounted on /srv`.
///
/// `None` if no user is found. A mount in another mount namespace and a claim of another process are not visible.
pub(crate) fn of_device(device: u64) -> Option<String> {
    found_among(device, &mounts::all())
}

/// As [`of_device`], without users that only read.
pub(crate) fn writer_of_device(device: u64) -> Option<String> {
    let mut mounts = mounts::all();
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

/// Returns the device itself, its partitions, and the disk that it is a partition of.
fn family(device: u64) -> Vec<Device> {
    let number = sys::device_number(device);
    let Ok(sysfs) = fs::canonicalize(format!("/sys/dev/block/{number}")) else {
        // The mounts can be searched without /sys.
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
            // File systems that span several devices are mounted under their own number.
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

/// Returns the node with the name that an administrator gave, if there is one: `/dev/dm-0 (vg-lv)`.
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
            file_system: "btrfs".to_owned(),
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
