//! Finding the layers below a file or device.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fd::BorrowedFd;

use super::loops::{self, Attached};
use super::{How, Layer};
use crate::linux::mounts::{self, Mount, mount_id};
use crate::linux::sysfs::{self, SYSFS};
use crate::sys::{self, FileType, Stat};
use crate::text::word;

/// Limit for the number of layers: more than an array of all disks of a rack has.
const MOST_LAYERS: usize = 256;

/// Limit for the depth of a stack of devices.
const DEEPEST: usize = 16;

/// Prefix of the number of a file system that spans several devices or has none.
const ANONYMOUS: &str = "0:";

/// Range of everything, for an unknown size.
const ALL: Range<u64> = 0..u64::MAX;

/// Returns the file or device of `stat` and the layers below it; with `fd`, the mount of a file is known exactly.
pub(super) fn layers(stat: &Stat, fd: Option<BorrowedFd<'_>>, name: String) -> Vec<Layer> {
    let mounts = mounts::all();
    let attached = |directory: &Path| loops::attached(directory);
    let mut survey = Survey::new(Path::new(SYSFS), &mounts, &attached);
    survey.opened(stat, fd, name);
    survey.layers
}

/// Returns the device with that `major:minor` and the layers below it.
pub(super) fn layers_of_device(number: &str) -> Vec<Layer> {
    let mounts = mounts::all();
    let attached = |directory: &Path| loops::attached(directory);
    let mut survey = Survey::new(Path::new(SYSFS), &mounts, &attached);
    survey.device(number, None, Place::itself());
    survey.layers
}

/// As [`layers_of_device`], for a device that may share nothing with `target`. Returns in addition the node of a loop device, if there is
/// one, whose file may be on a file system of the target, and did not answer in time.
pub(super) fn layers_next_to(number: &str, target: &[Layer]) -> (Vec<Layer>, Option<String>) {
    let mounts = mounts::all();
    let is_needed = |mount: &Mount| {
        target
            .iter()
            .any(|layer| layer.is_file_on(&mount.device_number))
    };
    let silent = RefCell::default();
    let attached = |directory: &Path| loops::attached_soon(directory, &mounts, is_needed, &silent);
    let mut survey = Survey::new(Path::new(SYSFS), &mounts, &attached);
    survey.device(number, None, Place::itself());
    let layers = survey.layers;
    let needed: Vec<_> = mounts.iter().filter(|mount| is_needed(mount)).collect();
    let silent = silent.take().into_iter();
    let mut unclear = silent.filter(|silent| needed.iter().any(|mount| silent.may_lie_on(mount)));
    (
        layers,
        unclear.next().map(|silent| sysfs::node(&silent.directory)),
    )
}

/// Place of the bytes in a layer.
#[derive(Debug, Clone)]
pub(super) struct Place {
    how: How,
    extent: Range<u64>,
    exact: bool,
    depth: usize,
}

impl Place {
    pub(super) fn itself() -> Self {
        Self {
            how: How::Itself,
            extent: ALL,
            exact: true,
            depth: 0,
        }
    }

    fn step(&self, how: How) -> Self {
        let how = if self.how == How::Itself {
            how
        } else {
            How::Deeper
        };
        let depth = self.depth + 1;
        Self {
            how,
            depth,
            ..self.clone()
        }
    }

    /// Returns the place in a layer that contains this one from `offset` on.
    fn at(&self, how: How, offset: u64) -> Self {
        let Range { start, end } = self.extent;
        let extent = start.saturating_add(offset)..end.saturating_add(offset);
        Self {
            extent,
            ..self.step(how)
        }
    }

    /// Returns an unknown place in a layer.
    fn somewhere(&self, how: How) -> Self {
        Self {
            extent: ALL,
            exact: false,
            ..self.step(how)
        }
    }
}

/// Layers found so far.
pub(super) struct Survey<'a> {
    sysfs: &'a Path,
    mounts: &'a [Mount],
    /// Finds the backing file of a loop device, given its directory in sysfs.
    attached: &'a dyn Fn(&Path) -> Option<Attached>,
    pub(super) layers: Vec<Layer>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(
        sysfs: &'a Path,
        mounts: &'a [Mount],
        attached: &'a dyn Fn(&Path) -> Option<Attached>,
    ) -> Self {
        Self {
            sysfs,
            mounts,
            attached,
            layers: Vec::new(),
        }
    }

    /// Adds the file or device of `stat`, which `fd` has open, and the layers below it.
    fn opened(&mut self, stat: &Stat, fd: Option<BorrowedFd<'_>>, name: String) {
        if stat.file_type == FileType::BlockDevice {
            let number = sys::device_number(stat.device);
            self.device(&number, Some(name), Place::itself());
        } else {
            let file = (stat.file_system, stat.inode);
            self.file(file, fd.and_then(mount_id), name, &Place::itself());
        }
    }

    pub(super) fn device(&mut self, number: &str, name: Option<String>, mut place: Place) {
        let directory = sysfs::device(self.sysfs, number);
        let size = directory
            .as_deref()
            .and_then(|found| sysfs::bytes(found, "size"));
        // An empty device may get a medium, or a size, at any time.
        let size = size.filter(|size| *size > 0);
        place.extent.end = place.extent.end.min(size.unwrap_or(u64::MAX));
        let node = || {
            directory
                .as_deref()
                .map(|found| word(sysfs::node(found).as_bytes()))
        };
        let name = name.or_else(node).unwrap_or_default();
        if !self.add(number.to_owned(), name, &place) {
            return;
        }
        let Some(directory) = directory else { return };
        self.disk_of(&directory, &place);
        self.backing_of(&directory, &place);
        for member in sysfs::entries(&directory.join("slaves")) {
            if let Some(number) = sysfs::text(&member, "dev") {
                self.device(&number, None, place.somewhere(How::Stack));
            }
        }
        self.paths_of(&directory, &place);
    }

    /// Adds the disk of a partition.
    fn disk_of(&mut self, directory: &Path, place: &Place) {
        let Some(disk) = directory
            .parent()
            .filter(|_| sysfs::is_partition(directory))
        else {
            return;
        };
        if let Some(number) = sysfs::text(disk, "dev") {
            let start = sysfs::bytes(directory, "start");
            let below = start.map_or_else(
                || place.somewhere(How::Partition),
                |start| place.at(How::Partition, start),
            );
            self.device(&number, None, below);
        }
    }

    /// Adds the backing file or device of a loop device.
    fn backing_of(&mut self, directory: &Path, place: &Place) {
        match (self.attached)(directory) {
            None => {}
            Some(Attached::Device { number, offset }) => {
                self.device(&number, None, place.at(How::Loop, offset));
            }
            Some(Attached::File {
                file,
                mount,
                name,
                offset,
            }) => self.file(file, mount, name, &place.at(How::Loop, offset)),
        }
    }

    /// Adds the multipath device that a disk is a path of: all their bytes are the same.
    fn paths_of(&mut self, directory: &Path, place: &Place) {
        for holder in sysfs::entries(&directory.join("holders")) {
            let uuid = sysfs::text(&holder, "dm/uuid").unwrap_or_default();
            if let Some(number) = sysfs::text(&holder, "dev").filter(|_| uuid.starts_with("mpath-"))
            {
                let name = word(sysfs::node(&holder).as_bytes());
                // The layers below it are the other paths.
                self.add(number, name, &place.at(How::Path, 0));
            }
        }
    }

    fn file(
        &mut self,
        (file_system, inode): (u64, u64),
        mount: Option<u32>,
        name: String,
        place: &Place,
    ) {
        let number = sys::device_number(file_system);
        if !self.add(format!("{number}/{inode}"), name, place) {
            return;
        }
        for number in self.devices_of(number, mount) {
            self.device(&number, None, place.somewhere(How::File));
        }
    }

    /// Returns the devices of a file system, by its number and one of its mounts.
    fn devices_of(&self, number: String, mount: Option<u32>) -> Vec<String> {
        if !number.starts_with(ANONYMOUS) {
            return vec![number];
        }
        let by_id = |found: &&Mount| Some(found.id) == mount;
        let by_number = |found: &&Mount| found.device_number == number;
        let found = self.mounts.iter().find(by_id);
        let Some(found) = found.or_else(|| self.mounts.iter().find(by_number)) else {
            return Vec::new();
        };
        // Bcachefs lists all its devices, separated by colons.
        let source = found.source.as_os_str().as_bytes();
        let named = source.split(|&byte| byte == b':');
        let mut numbers: Vec<_> = named
            .filter(|path| path.starts_with(b"/"))
            .filter_map(|path| sysfs::number_at(Path::new(OsStr::from_bytes(path))))
            .collect();
        numbers.extend(self.btrfs_members(&numbers));
        numbers
    }

    /// Returns all devices of a Btrfs that one of these belongs to.
    fn btrfs_members(&self, numbers: &[String]) -> Vec<String> {
        let file_systems = sysfs::entries(&self.sysfs.join("fs/btrfs"));
        let members = file_systems.iter().map(|file_system| {
            let links = sysfs::entries(&file_system.join("devices"));
            let numbers = links.iter().filter_map(|link| sysfs::text(link, "dev"));
            numbers.collect::<Vec<_>>()
        });
        members
            .filter(|members| members.iter().any(|member| numbers.contains(member)))
            .flatten()
            .collect()
    }

    /// Adds a layer. Returns false if the layers below it need not be examined: it is known already, or there are too many.
    fn add(&mut self, id: String, name: String, place: &Place) -> bool {
        if place.depth > DEEPEST || self.layers.len() >= MOST_LAYERS {
            return false;
        }
        let Place { how, exact, .. } = *place;
        let extent = place.extent.clone();
        let layer = Layer {
            how,
            id,
            extent,
            exact,
            name,
        };
        let known = |known: &Layer| {
            known.id == layer.id
                && (known.exact || !layer.exact)
                && known.extent.start <= layer.extent.start
                && known.extent.end >= layer.extent.end
        };
        if self.layers.iter().any(known) {
            return false;
        }
        self.layers.push(layer);
        true
    }
}
