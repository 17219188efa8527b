//! Names that this process reaches only through a descriptor; see [`confine`](crate::confine).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fd::OwnedFd;
use rustix::fs::OFlags;

/// A name, and the path through a descriptor that takes its place.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: PathBuf,
    pub(crate) at: PathBuf,
    /// True if the last part of `at` is a name in the directory of the descriptor, which may be a symbolic link by now.
    pub(crate) ends_in_name: bool,
}

/// The end of a walk.
#[cfg_attr(
    target_os = "macos",
    expect(dead_code, reason = "macOS walks to nothing")
)]
#[derive(Debug)]
pub(crate) enum Walked {
    /// The file is open as a place in the tree (`O_PATH`), neither for reading nor for writing.
    Found(OwnedFd),
    /// It does not exist, and its directory does.
    Missing { directory: OwnedFd, name: OsString },
    /// Others than root can have made this symbolic link.
    Link(PathBuf),
}

static PLACES: OnceLock<Vec<Place>> = OnceLock::new();

/// Replaces names by places for the rest of this process. Returns them; `None` if that was done before.
pub(crate) fn set_places(places: Vec<Place>) -> Option<&'static [Place]> {
    PLACES.set(places).ok()?;
    PLACES.get().map(Vec::as_slice)
}

fn place_of(name: &Path) -> Option<&'static Place> {
    PLACES.get()?.iter().find(|place| place.name == name)
}

/// Returns the path to open for a name, and the flags that it takes.
pub(super) fn reached(name: &Path) -> (&Path, OFlags) {
    match place_of(name) {
        Some(place) if place.ends_in_name => (&place.at, OFlags::NOFOLLOW),
        Some(place) => (&place.at, OFlags::empty()),
        None => (name, OFlags::empty()),
    }
}

/// Returns the path to look at for a name.
pub(crate) fn located(name: &Path) -> &Path {
    reached(name).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_were_set_are_replaced_and_only_once() {
        let place = |name: &str, at: &str, ends_in_name| Place {
            name: name.into(),
            at: at.into(),
            ends_in_name,
        };
        assert_eq!(located(Path::new("/a/b")), Path::new("/a/b"));
        let set = set_places(vec![
            place("/a/b", "/proc/self/fd/9/b", true),
            place("/a", "/proc/self/fd/9", false),
        ]);
        assert_eq!(set.map(<[Place]>::len), Some(2));
        let new = (Path::new("/proc/self/fd/9/b"), OFlags::NOFOLLOW);
        assert_eq!(reached(Path::new("/a/b")), new);
        assert_eq!(located(Path::new("/a")), Path::new("/proc/self/fd/9"));
        for other in ["/a/c", "/a/b/c", "a", "a/b"] {
            assert_eq!(located(Path::new(other)), Path::new(other));
        }
        assert!(set_places(Vec::new()).is_none());
    }
}
