//! Images that a source has.

use std::path::Path;

use super::Source;
use crate::image::{HEAD, Image};
use crate::medium::served::{Served, set_served};
use crate::sys::{self, Errno};
use crate::{Error, Slab};

impl Source {
    /// Recognises the format of the image that it begins with. `None` for anything else, which is raw.
    ///
    /// A disk that is raw may begin like an image too: whoever writes to the disk decides that.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn image(&self) -> Result<Option<Image>, Error> {
        // The only slot of a new slab is free.
        let Some(mut head) = Slab::new(1, HEAD)?.take(0) else {
            return Ok(None);
        };
        let len = self.read_at(&mut head, 0)?;
        Ok(Image::of(&head[..len], self.size))
    }

    /// Makes the path of this container stand for the disk in it, which a server offers as the export `uri`, for the rest of this process:
    /// sources and sinks of that path are the export. Messages still name the path; instance, storage and writers are those of the container.
    ///
    /// # Errors
    /// [`Error::Io`], also at the second call.
    pub fn serve_at(&self, uri: impl AsRef<Path>) -> Result<(), Error> {
        let failed = |errno| Error::opening(&self.path, errno);
        let fd = self.medium.descriptor().map_err(failed)?;
        let served = Served {
            name: self.path.clone(),
            uri: uri.as_ref().to_owned(),
            fd: sys::duplicate(fd).map_err(failed)?,
            stat: self.medium.stat().map_err(failed)?,
        };
        set_served(served).ok_or_else(|| failed(Errno::ALREADY))
    }
}
