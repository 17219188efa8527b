//! Which storage of this host a file or device lies on, and whether two of them share bytes of it.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd};

use crate::identity::text::word;
use crate::proc_tables;
use crate::sys::{self, Stat};
use crate::sysfs::SYSFS;

mod loops;
mod survey;
mod text;

pub(crate) use loops::attached;
use survey::{Place, Survey};

/// A file or device, and all that is known of what it lies on: partitions, disks, backing files, the members of a stack, the
/// devices of a file system.
///
/// It holds until the host is started again, and is of use on this host alone: descriptions of different hosts, or of different
/// starts, share nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Tells a start of a host from all others; see `boot_id` in random(4).
    boot: String,
    /// The thing itself, then what is below it, the nearest first.
    layers: Vec<Layer>,
}

/// One thing that the bytes of another lie on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layer {
    how: How,
    /// `major:minor` of a device, `major:minor/inode` of a file.
    id: String,
    /// Where in it they lie, in bytes.
    extent: Range<u64>,
    /// All of `extent` is theirs; otherwise they are somewhere in it, and the rest may belong to others.
    exact: bool,
    /// For people, as one word of printable ASCII; may be empty.
    name: String,
}

/// The way in which a thing lies on a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Itself,
    Partition,
    Loop,
    /// As one of several ways to reach it.
    Path,
    /// As logical volumes, arrays, caches and encrypted devices do.
    Stack,
    /// As a file of its file system.
    File,
    /// By several of these steps.
    Deeper,
}

impl Storage {
    /// Of what `stat` describes and `path` names; with `fd`, a file's own mount is looked at. `None` where the kernel does not say
    /// which start this is.
    pub(crate) fn of(stat: &Stat, fd: Option<BorrowedFd<'_>>, path: &Path) -> Option<Self> {
        let boot = proc_tables::boot_id()?;
        let mounts = proc_tables::mounts();
        let mut survey = Survey::new(Path::new(SYSFS), &mounts, &attached);
        let name = word(path.as_os_str().as_encoded_bytes());
        survey.opened(stat, fd, name);
        let layers = survey.layers;
        Some(Self { boot, layers })
    }

    /// Of the device with that `major:minor`.
    pub(crate) fn of_device(number: &str) -> Option<Self> {
        let boot = proc_tables::boot_id()?;
        let mounts = proc_tables::mounts();
        let mut survey = Survey::new(Path::new(SYSFS), &mounts, &attached);
        survey.device(number, None, Place::itself());
        let layers = survey.layers;
        Some(Self { boot, layers })
    }

    /// Of a file that is yet to be made at `path`. `None` also where its directory cannot be opened.
    #[must_use]
    pub fn of_new_file(path: &Path) -> Option<Self> {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let directory = sys::open_directory(parent.unwrap_or(Path::new("."))).ok()?;
        let stat = sys::fstat(&directory).ok()?;
        // The layer itself is that of the directory, which nothing else that is copied can be.
        Self::of(&stat, Some(directory.as_fd()), path)
    }

    /// True if the device with that `major:minor` is the thing itself or below it.
    pub(crate) fn lies_on(&self, number: &str) -> bool {
        self.layers.iter().any(|layer| layer.id == number)
    }

    /// Describes the bytes of one that writing to the other would change; `None` if none are known.
    ///
    /// Two that are only known to be somewhere in the same device, as logical volumes on one disk are, have nothing in common.
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
        // What is one of the two itself says most, and then what is nearest.
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
    /// True if the two share bytes.
    fn shares(&self, other: &Self) -> bool {
        self.id == other.id
            && (self.exact || other.exact)
            && self.extent.start < other.extent.end
            && other.extent.start < self.extent.end
    }
}

/// Describes the bytes that two files or devices share, as a sentence without its full stop: `/dev/sdb1 is a partition of /dev/sdb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    sentence: String,
    lies_on: bool,
}

impl Shared {
    /// Of two, each with the layer that they share.
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

    /// True if the first of the two lies on the second.
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
    /// Says how `upper` lies on `lower`, as a sentence.
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
