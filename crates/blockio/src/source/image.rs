//! Images that a source has.

use std::path::Path;

use super::Source;
use crate::Error;
use crate::image::{HEAD, Image};
use crate::medium::{Access, Medium};
use crate::served::{Served, set_served};
use crate::sys::{self, Errno};

impl Source {
    /// Recognises the format of the image that it begins with. `None` for anything else, which is raw.
    ///
    /// A disk that is raw may begin like an image too: whoever writes to the disk decides that.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn image(&self) -> Result<Option<Image>, Error> {
        let mut head = vec![0; HEAD];
        let looked_at = self.size.min(HEAD as u64);
        let was_cached = looked_at == 0 || self.medium.is_cached(0, looked_at).unwrap_or(true);
        let len = fill(&*self.medium, &mut head)
            .map_err(|errno| Error::io("read", &self.path, Some(0), errno))?;
        if !was_cached {
            self.medium.drop_cached(0, looked_at);
        }
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

/// Reads the beginning; returns its length.
fn fill(medium: &dyn Medium, head: &mut [u8]) -> Result<usize, Errno> {
    let mut len = 0;
    while len < head.len() {
        match medium.read(Access::Buffered, &mut head[len..], len as u64)? {
            0 => break,
            read => len += read,
        }
    }
    Ok(len)
}
