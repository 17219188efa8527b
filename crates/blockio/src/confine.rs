//! Names that lead to the same file until the process ends.

use std::path::{Component, Path, PathBuf};

use crate::Error;
use crate::sys::{self, Errno, Place, Walked};

/// A name, and the path through a descriptor that leads to its file or directory, whatever others do to the directories in the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confined {
    /// The name.
    pub name: PathBuf,
    /// The path through the descriptor.
    pub at: PathBuf,
}

/// Finds the file at an absolute path, and makes this process reach it through a descriptor for as long as it runs, in all that this
/// crate does with that path. For a path where nothing is found, its directory is reached in this way, and nothing that is a symbolic
/// link is opened in it under this name. Returns the names that lead through a descriptor from now on.
///
/// A symbolic link is followed only if it belongs to root, and only root can change its directory and all those passed on the way to it.
/// Works once per process.
///
/// # Errors
/// [`Error::Link`] for another link on the path; [`Error::Io`] on a system that cannot do this, for a path that is not absolute or has
/// `..` in it, and at the second call; otherwise as [`Source::open`](crate::Source::open).
pub fn confine(path: &Path) -> Result<Vec<Confined>, Error> {
    let failed = |errno| Error::opening(path, errno);
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return Err(failed(Errno::INVAL));
    }
    let places = match sys::walk(path).map_err(failed)? {
        Walked::Found(fd) => vec![place(path, sys::kept_path(fd))],
        Walked::Missing { directory, name } => {
            let directory = sys::kept_path(directory);
            let file = Place {
                ends_in_name: true,
                ..place(path, directory.join(name))
            };
            let parent = path.parent().map(|parent| place(parent, directory));
            [file].into_iter().chain(parent).collect()
        }
        Walked::Link(link) => {
            let path = path.to_owned();
            return Err(Error::Link { path, link });
        }
    };
    let set = sys::set_places(places).ok_or_else(|| failed(Errno::ALREADY))?;
    let confined = set.iter().map(|Place { name, at, .. }| Confined {
        name: name.clone(),
        at: at.clone(),
    });
    Ok(confined.collect())
}

fn place(name: &Path, at: PathBuf) -> Place {
    Place {
        name: name.to_owned(),
        at,
        ends_in_name: false,
    }
}
