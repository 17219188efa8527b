//! Storage below a file or device, and the bytes that two of them share.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd};

use crate::sys::{self, Stat};
use crate::text::word;

#[cfg(target_os = "macos")]
mod itself;
#[cfg(target_os = "linux")]
mod loops;
#[cfg(target_os = "linux")]
mod survey;
mod text;

#[cfg(target_os = "macos")]
use itself::layers;
#[cfg(target_os = "linux")]
use survey::{layers, layers_next_to, layers_of_device};

/// A file or device and the layers known to be below it: partitions, disks, backing files, members of a stack, devices of a file
/// system.
///
/// It is valid on this host until the next reboot: descriptions from different hosts or boots share nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Identifies a boot of a host; see `boot_id` in random(4).
    boot: String,
    /// The file or device itself, then the layers below it, the nearest first.
    layers: Vec<Layer>,
}

/// File or device that holds the bytes of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layer {
    how: How,
    /// `major:minor` for a device, `major:minor/inode` for a file.
    id: String,
    /// Range that holds them, in bytes.
    extent: Range<u64>,
    /// True if they fill `extent`; otherwise they are somewhere in it, and the rest may belong to others.
    exact: bool,
    /// Name for messages, as one word of printable ASCII; may be empty.
    name: String,
}

/// Relation of a file or device to a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Itself,
    Partition,
    Loop,
    /// One of several paths to it (multipath).
    Path,
    /// Logical volume, array, cache or encrypted device.
    Stack,
    /// File of its file system.
    File,
    /// Several of these steps.
    Deeper,
}

impl Storage {
    /// Returns the storage of the file or device of `stat` and `path`; with `fd`, the mount of a file is known exactly. `None` if the kernel
    /// does not provide the boot ID.
    pub(crate) fn of(stat: &Stat, fd: Option<BorrowedFd<'_>>, path: &Path) -> Option<Self> {
        let boot = sys::boot_id()?;
        let name = word(path.as_os_str().as_encoded_bytes());
        let layers = layers(stat, fd, name);
        Some(Self { boot, layers })
    }

    /// Returns the storage of the device with that `major:minor`.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_device(number: &str) -> Option<Self> {
        let boot = sys::boot_id()?;
        let layers = layers_of_device(number);
        Some(Self { boot, layers })
    }

    /// As [`of_device`](Self::of_device), for a device that may share nothing with `target`: what a server that is slow or gone does not
    /// answer is not waited for, unless the target lies there too.
    ///
    /// Returns in addition the node of a loop device whose file may be on the target's file system, if that is unknown.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_device_next_to(number: &str, target: &Self) -> Option<(Self, Option<String>)> {
        let boot = sys::boot_id()?;
        let (layers, unclear) = layers_next_to(number, &target.layers);
        Some((Self { boot, layers }, unclear))
    }

    /// Returns the storage of a file that does not exist yet at `path`. `None` also if its directory cannot be opened.
    #[must_use]
    pub fn of_new_file(path: &Path) -> Option<Self> {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let directory = sys::open_directory(parent.unwrap_or(Path::new("."))).ok()?;
        let stat = sys::fstat(&directory).ok()?;
        // The layer itself is the directory, which no other source or destination can be.
        Self::of(&stat, Some(directory.as_fd()), path)
    }

    /// True if the device with that `major:minor` is the device itself or below it.
    #[cfg(target_os = "linux")]
    pub(crate) fn lies_on(&self, number: &str) -> bool {
        self.layers.iter().any(|layer| layer.id == number)
    }

    /// Describes the bytes that both share, so that writing to one changes the other; `None` if none are known.
    ///
    /// Two that are only known to be somewhere in the same device, for instance logical volumes on one disk, share nothing.
    #[must_use]
    pub fn shared_with(&self, other: &Self) -> Option<Shared> {
        if self.boot != other.boot {
            return None;
        }
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (ours, mine) in self.layers.iter().enumerate() {
            let with = |theirs: &(usize, &Layer)| mine.shares(theirs.1);
            let pairs = other.layers.iter().enumerate().filter(with);
            found.extend(pairs.map(|(theirs, _)| (ours, theirs)));
        }
        // A layer that is one of the two itself says most, and then the nearest layer.
        let rank = |&(ours, theirs): &(usize, usize)| {
            (
                usize::from(ours > 0) + usize::from(theirs > 0),
                ours + theirs,
            )
        };
        let (ours, theirs) = found.into_iter().min_by_key(rank)?;
        Some(Shared::new(
            (self, self.layers.get(ours)?),
            (other, other.layers.get(theirs)?),
        ))
    }

    fn name(&self) -> &str {
        self.layers.first().map_or("", |layer| &layer.name)
    }
}

impl Layer {
    /// True for a file on the file system with that `major:minor`.
    #[cfg(target_os = "linux")]
    fn is_file_on(&self, number: &str) -> bool {
        let rest = self.id.strip_prefix(number);
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// True if the two share bytes.
    fn shares(&self, other: &Self) -> bool {
        self.id == other.id
            && (self.exact || other.exact)
            && self.extent.start < other.extent.end
            && other.extent.start < self.extent.end
    }
}

/// Bytes that two files or devices share. Displayed as a sentence without its full stop: `/dev/sdb1 is a partition of /dev/sdb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    sentence: String,
    lies_on: bool,
}

impl Shared {
    /// Compares two, each with the layer that they share.
    fn new((one, mine): (&Storage, &Layer), (other, theirs): (&Storage, &Layer)) -> Self {
        let (a, b) = (one.name(), other.name());
        let sentence = match (mine.how, theirs.how) {
            (How::Itself, How::Itself) => format!("{a} and {b} are the same"),
            (how, How::Itself) => how.relation(a, b),
            (How::Itself, how) => how.relation(b, a),
            _ => {
                let named = [&mine.name, &theirs.name];
                let name = named.into_iter().find(|name| !name.is_empty());
                let unnamed = format!("the device {}", mine.id);
                format!("{a} and {b} share bytes of {}", name.unwrap_or(&unnamed))
            }
        };
        let lies_on = theirs.how == How::Itself;
        Self { sentence, lies_on }
    }

    /// True if the first one lies on the second one.
    #[cfg(target_os = "linux")]
    pub(crate) fn lies_on(&self) -> bool {
        self.lies_on
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl How {
    /// Describes the relation of `upper` to `lower`, as a sentence.
    fn relation(self, upper: &str, lower: &str) -> String {
        let relation = match self {
            Self::Itself => "is the same as",
            Self::Partition => "is a partition of",
            Self::Loop => "is a loop device on",
            Self::Path => "is a path to",
            Self::Stack => "is built on",
            Self::File => "is a file on",
            Self::Deeper => "lies on",
        };
        format!("{upper} {relation} {lower}")
    }
}

#[cfg(test)]
mod tests;
