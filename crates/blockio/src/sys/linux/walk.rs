//! Walks to a file without following a symbolic link that others than root can have made.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fd::{IntoRawFd, OwnedFd};
use rustix::fs::{self, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::{Result, file_system_kind, proc_path};
use crate::sys::{Stat, Walked, fstat};

/// Links to follow at most, see `path_resolution(7)`.
const MOST_LINKS: usize = 40;

/// Bits of a mode that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// File systems of the kernel, which no user can mount with files of their own: devtmpfs and tmpfs (`TMPFS_MAGIC`), and /proc
/// (`PROC_SUPER_MAGIC`); see statfs(2).
const OF_KERNEL: [u32; 2] = [0x0102_1994, 0x9FA0];

/// A directory that the walk has reached.
struct Directory {
    fd: OwnedFd,
    /// Device number of its file system.
    file_system: u64,
    /// True if only root can change it and those passed on the way.
    is_roots: bool,
}

impl Directory {
    fn root() -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| fs::open("/", flags, Mode::empty()))?;
        let stat = fstat(&fd)?;
        Ok(Self {
            fd,
            file_system: stat.file_system,
            is_roots: belongs_to_root(&stat),
        })
    }

    /// Enters a directory in this one. On another file system than that of /, which a user may have mounted (FUSE) or brought along (a
    /// disk), an owner proves nothing.
    fn enter(&self, fd: OwnedFd, stat: &Stat) -> Result<Self> {
        let is_known = stat.file_system == self.file_system
            || OF_KERNEL.contains(&file_system_kind(&fs::fstatfs(&fd)?)?);
        Ok(Self {
            fd,
            file_system: stat.file_system,
            is_roots: self.is_roots && is_known && belongs_to_root(stat),
        })
    }
}

/// True if only root can add, remove or replace names in a directory, or change a link.
fn belongs_to_root(stat: &Stat) -> bool {
    stat.uid == 0 && (stat.file_type == FileType::Symlink || stat.mode & OTHERS_WRITE == 0)
}

/// Walks to the file at an absolute path, name by name, each opened in the directory that the walk has reached. What happens to names
/// that it has passed does not matter any more.
///
/// A symbolic link is followed only if it belongs to root, only root can change its directory and all those passed on the way, and these
/// are on the file system of /, in devtmpfs, tmpfs or /proc, as with the links that udev makes in /dev.
pub(crate) fn walk(path: &Path) -> Result<Walked> {
    let mut directory = Directory::root()?;
    let mut names = names_of(path.as_os_str());
    let mut links = 0;
    while let Some(name) = names.pop() {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = retry_on_intr(|| fs::openat(&directory.fd, &name, flags, Mode::empty()));
        let fd = match opened {
            Err(Errno::NOENT) if names.is_empty() => {
                let directory = directory.fd;
                return Ok(Walked::Missing { directory, name });
            }
            opened => opened?,
        };
        let stat = fstat(&fd)?;
        match stat.file_type {
            FileType::Directory => directory = directory.enter(fd, &stat)?,
            FileType::Symlink => {
                if !(directory.is_roots && belongs_to_root(&stat)) {
                    return Ok(Walked::Link(shown(&directory.fd, &name)));
                }
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::LOOP);
                }
                let target = OsString::from_vec(fs::readlinkat(&fd, "", Vec::new())?.into_bytes());
                if target.as_bytes().starts_with(b"/") {
                    directory = Directory::root()?;
                }
                names.extend(names_of(&target));
            }
            _ if names.is_empty() => return Ok(Walked::Found(fd)),
            _ => return Err(Errno::NOTDIR),
        }
    }
    Ok(Walked::Found(directory.fd))
}

/// Returns the names in a path, the first one last.
fn names_of(path: &OsStr) -> Vec<OsString> {
    let parts = path.as_bytes().split(|byte| *byte == b'/');
    let names = parts.filter(|name| !name.is_empty() && *name != b".");
    names
        .rev()
        .map(|name| OsStr::from_bytes(name).to_owned())
        .collect()
}

/// Returns the path of a name in a directory, for a message.
fn shown(directory: &OwnedFd, name: &OsStr) -> PathBuf {
    std::fs::read_link(proc_path(directory))
        .unwrap_or_default()
        .join(name)
}

/// Keeps a descriptor open until the process ends. Returns a path that leads to its file, whatever happens to its name.
pub(crate) fn kept_path(fd: OwnedFd) -> PathBuf {
    let path = proc_path(&fd).into();
    _ = fd.into_raw_fd();
    path
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn inode(walked: Result<Walked>) -> u64 {
        match walked {
            Ok(Walked::Found(fd)) => fstat(fd).unwrap().inode,
            other => panic!("not found: {other:?}"),
        }
    }

    #[test]
    fn a_file_is_found_by_its_names_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/file");
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(&file, "content").unwrap();
        let expected = fs::metadata(&file).unwrap().ino();
        assert_eq!(inode(walk(&file)), expected);
        assert_eq!(inode(walk(&folder.path().join(".//a/./file"))), expected);
        let below = walk(&file.join("name"));
        assert!(matches!(below, Err(Errno::NOTDIR)), "{below:?}");
        let far = walk(&folder.path().join("missing/name"));
        assert!(matches!(far, Err(Errno::NOENT)), "{far:?}");
        match walk(&folder.path().join("a/new")) {
            Ok(Walked::Missing { name, directory }) => {
                assert_eq!(name, "new");
                let parent = fs::metadata(folder.path().join("a")).unwrap().ino();
                assert_eq!(fstat(directory).unwrap().inode, parent);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_link_that_others_than_root_can_have_made_is_refused_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("file"), "").unwrap();
        symlink("inside", folder.path().join("folder")).unwrap();
        symlink("file", inside.join("link")).unwrap();
        symlink("nowhere", inside.join("dangling")).unwrap();
        symlink("/etc/passwd", inside.join("absolute")).unwrap();
        for (path, link) in [
            ("folder/file", "folder"),
            ("inside/link", "inside/link"),
            ("inside/link/more", "inside/link"),
            ("inside/dangling", "inside/dangling"),
            ("inside/absolute", "inside/absolute"),
        ] {
            match walk(&folder.path().join(path)) {
                Ok(Walked::Link(found)) => assert_eq!(found, folder.path().join(link)),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_link_of_root_in_a_directory_of_root_is_followed() {
        // A link to `self/mounts`, and `self` is a link too.
        let found = inode(walk(Path::new("/proc/mounts")));
        assert_eq!(found, fs::metadata("/proc/mounts").unwrap().ino());
    }
}
