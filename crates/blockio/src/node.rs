//! Type of the file that a path or descriptor refers to.

use std::path::Path;

use rustix::fd::AsFd;

use crate::Error;
use crate::sys::{self, FileType, Stat};

/// Kind of a source or destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Regular file: it can grow to any size.
    File,
    /// Block device: its size is fixed.
    Device,
}

/// Regular file or block device, with the result of stat(2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) stat: Stat,
}

impl Node {
    /// Looks up `path` without opening it, because opening a FIFO waits for a writer.
    pub(crate) fn stat(path: &Path) -> Result<Self, Error> {
        let stat = sys::stat(path).map_err(|errno| Error::opening(path, errno))?;
        Self::new(stat, path)
    }

    pub(crate) fn fstat(fd: impl AsFd, path: &Path) -> Result<Self, Error> {
        let stat = sys::fstat(fd).map_err(|errno| Error::io("stat", path, None, errno))?;
        Self::new(stat, path)
    }

    fn new(stat: Stat, path: &Path) -> Result<Self, Error> {
        let what = match stat.file_type {
            FileType::RegularFile => {
                return Ok(Self {
                    kind: Kind::File,
                    stat,
                });
            }
            FileType::BlockDevice => {
                return Ok(Self {
                    kind: Kind::Device,
                    stat,
                });
            }
            FileType::Directory => "a directory",
            FileType::CharacterDevice => "a character device",
            FileType::Fifo => "a FIFO",
            FileType::Socket => "a socket",
            _ => "something else",
        };
        Err(Error::NotAFile {
            path: path.to_owned(),
            what,
        })
    }
}
