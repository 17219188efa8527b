//! Image whose disk a server offers to this process.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fd::OwnedFd;

use crate::sys::Stat;

/// Image, and the export that its path stands for.
#[derive(Debug)]
pub(crate) struct Served {
    /// Path of the image.
    pub(crate) name: PathBuf,
    /// URI of the export.
    pub(crate) uri: PathBuf,
    /// The image, open for reading.
    pub(crate) fd: OwnedFd,
    pub(crate) stat: Stat,
}

static SERVED: OnceLock<Served> = OnceLock::new();

/// Keeps the image for the rest of this process. Returns `None` if there is one already.
pub(crate) fn set_served(served: Served) -> Option<()> {
    SERVED.set(served).ok()
}

/// Returns the image with this path, if it is served.
pub(crate) fn served(name: &Path) -> Option<&'static Served> {
    SERVED.get().filter(|served| served.name == name)
}
