//! Searching /proc for processes that have a file or device open for writing.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::linux::mounts::{self, Mount};
use crate::linux::patience::answer_to;
use crate::linux::processes;
use crate::storage::Storage;
use crate::sys::{self, Stat};

/// Time limit for the search; processes that were not examined by then are ignored.
const LONGEST: Duration = Duration::from_secs(1);

/// Limit for the names in a message.
const MOST: usize = 3;

/// `O_ACCMODE`, `O_WRONLY` and `O_RDWR` of open(2) are the two lowest bits.
const ACCESS_MODE: u32 = 0o3;

/// Process that has it open for writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opener {
    pub(crate) process: u32,
}

/// Returns the processes that have exactly the file of `stat` open for writing.
pub(crate) fn of_file(stat: &Stat) -> Vec<Opener> {
    let file_system = sys::device_number(stat.file_system);
    let mut mounts = Mounts::default();
    search(LONGEST, |fd| {
        // procfs knows the inode since Linux 5.14, and is asked first because it answers at once.
        let inode = fd.info("ino").and_then(|inode| inode.parse::<u64>().ok());
        // stat(2) may block forever on another file system, also for a file that happens to have the same inode there.
        let may_ask = |mount: &Mount| mount.is_local() || mount.device_number == file_system;
        inode.is_none_or(|inode| inode == stat.inode)
            && fd.leads_to("/")
            && fd.writes()
            && match mounts.of(fd).map(may_ask) {
                Some(may_ask) => may_ask && sys::stat(&fd.link).is_ok_and(|found| found.same(stat)),
                None => fd
                    .ask(sys::stat)
                    .is_some_and(|found| found.is_ok_and(|found| found.same(stat))),
            }
    })
}

/// Returns the processes that have a device open for writing that shares bytes with `storage`.
pub(crate) fn of_device(storage: &Storage) -> Vec<Opener> {
    let mut apart: HashSet<u64> = HashSet::new();
    let mut mounts = Mounts::default();
    search(LONGEST, |fd| {
        if !fd.leads_to("/") || !fd.writes() {
            return false;
        }
        // A device may have a node anywhere, for instance in a container. stat(2) would block on a network file system whose server is down.
        let device = match mounts.of(fd).map(Mount::is_local) {
            Some(true) => sys::block_device_at(&fd.link),
            None if fd.leads_to("/dev/") => fd.ask(sys::block_device_at).flatten(),
            _ => None,
        };
        let Some(device) = device.filter(|device| !apart.contains(device)) else {
            return false;
        };
        let other = Storage::of_device_next_to(&sys::device_number(device), storage);
        let shares = other.is_some_and(|(other, _)| other.shared_with(storage).is_some());
        if !shares {
            apart.insert(device);
        }
        shares
    })
}

/// Mounts by namespace, each read once; there may be thousands in each.
#[derive(Default)]
struct Mounts {
    by_namespace: HashMap<PathBuf, Vec<Mount>>,
}

impl Mounts {
    /// Returns the mount of an open file; `None` if its process does not see it, as after `umount --lazy`.
    fn of(&mut self, fd: &Descriptor) -> Option<&Mount> {
        let id: u32 = fd.info("mnt_id")?.parse().ok()?;
        let namespace = fs::read_link(format!("/proc/{}/ns/mnt", fd.process)).ok()?;
        let mounts = self
            .by_namespace
            .entry(namespace)
            .or_insert_with(|| mounts::of(fd.process));
        mounts.iter().find(|mount| mount.id == id)
    }
}

/// Descriptor of a process.
struct Descriptor {
    process: u32,
    /// `/proc/PID/fd/N`.
    link: PathBuf,
    /// `/proc/PID/fdinfo/N`.
    about: PathBuf,
}

impl Descriptor {
    /// True if the name of the open file begins with `beginning`. Does not access the file system.
    fn leads_to(&self, beginning: &str) -> bool {
        let target = fs::read_link(&self.link).unwrap_or_default();
        let target = target.as_os_str().as_encoded_bytes();
        target.starts_with(beginning.as_bytes())
    }

    /// Asks about the open file, whose file system may never answer: one that is not visible may have been unmounted because its server is gone.
    fn ask<T: Send + 'static>(&self, question: fn(&Path) -> T) -> Option<T> {
        let link = self.link.clone();
        answer_to(move || question(&link))
    }

    fn info(&self, name: &str) -> Option<String> {
        let table = fs::read_to_string(&self.about).ok()?;
        let mut lines = table.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(value.trim().to_owned())
    }

    fn writes(&self) -> bool {
        let flags = self.info("flags");
        let flags = flags.and_then(|flags| u32::from_str_radix(&flags, 8).ok());
        flags.is_some_and(|flags| flags & ACCESS_MODE != 0)
    }
}

/// Examines this process and its ancestors, and all others for as long as `limit` says. Without its own descriptors, a process that has a
/// file open would take itself for another one that it could not examine.
fn search(limit: Duration, mut matches: impl FnMut(&Descriptor) -> bool) -> Vec<Opener> {
    let deadline = Instant::now() + limit;
    let own = processes::ancestors(std::process::id());
    let others = processes::all();
    let others = others.into_iter().filter(|process| !own.contains(process));
    let all = own.iter().copied().chain(others);
    let has_time = |process: &u32| own.contains(process) || Instant::now() < deadline;
    let has_match = |process: &u32| {
        has_time(process) && descriptors(*process).any(|fd| has_time(process) && matches(&fd))
    };
    all.filter(has_match)
        .map(|process| Opener { process })
        .collect()
}

/// Returns the descriptors of a process; none if it belongs to another user.
fn descriptors(process: u32) -> impl Iterator<Item = Descriptor> {
    let folder = Path::new("/proc").join(process.to_string());
    let entries = fs::read_dir(folder.join("fd")).into_iter().flatten();
    entries.flatten().map(move |entry| Descriptor {
        process,
        about: folder.join("fdinfo").join(entry.file_name()),
        link: entry.path(),
    })
}

/// Returns the processes that conflict with a writer. Excludes this process and its ancestors, for instance a shell that keeps a file
/// open for its commands, and processes that share the destination on purpose.
pub(crate) fn in_the_way(openers: &[Opener]) -> Vec<Opener> {
    let ancestors = processes::ancestors(std::process::id());
    let is_other =
        |opener: &&Opener| !ancestors.contains(&opener.process) && !shares(opener.process);
    openers.iter().filter(is_other).cloned().collect()
}

/// Returns the processes that keep a new file in use: not this process, nor other parts of its copy, which fails with it.
pub(crate) fn outside_the_copy(openers: &[Opener]) -> Vec<Opener> {
    let own = std::process::id();
    let is_outside = |opener: &&Opener| opener.process != own && !is_part(opener.process);
    openers.iter().filter(is_outside).cloned().collect()
}

/// True for a process that runs the same program as this one with `--force`: it shares its destination on purpose.
fn shares(process: u32) -> bool {
    is_same_program_with(process, |word| word == b"--force")
}

/// True for a process that runs the same program as this one for a part of a copy with several streams.
fn is_part(process: u32) -> bool {
    is_same_program_with(process, |word| word.starts_with(b"--part="))
}

/// True for a process of the same user that runs the same program as this one, with a word in its command line for which `matches` returns
/// true.
fn is_same_program_with(process: u32, matches: impl Fn(&[u8]) -> bool) -> bool {
    let folder = Path::new("/proc").join(process.to_string());
    let same = fs::read_link(folder.join("exe"))
        .is_ok_and(|program| fs::read_link("/proc/self/exe").is_ok_and(|own| own == program));
    // Another user could have the words say anything, to write to a destination at the same time.
    let own = processes::user(std::process::id());
    same && own.is_some()
        && processes::user(process) == own
        && fs::read(folder.join("cmdline"))
            .is_ok_and(|words| words.split(|&byte| byte == 0).any(matches))
}

/// Returns the names of the processes: `process 4711 (qemu-system-x86)`. Empty if there are none.
pub(crate) fn names(openers: &[Opener]) -> String {
    let name = |opener: &Opener| processes::name(opener.process);
    let named: Vec<_> = openers.iter().take(MOST).map(name).collect();
    let more = openers.len().saturating_sub(MOST);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_examined_even_if_there_is_no_time_for_the_others() {
        let mut examined = HashSet::new();
        let found = search(Duration::ZERO, |fd| {
            examined.insert(fd.process);
            fd.process == std::process::id()
        });
        let process = std::process::id();
        assert_eq!(found, [Opener { process }]);
        let ancestors = processes::ancestors(process);
        assert!(examined.iter().all(|process| ancestors.contains(process)));
    }
}
