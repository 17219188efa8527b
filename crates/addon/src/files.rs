//! The files and devices that the engine works on.

use std::sync::Arc;

use blockcopy_engine::Kind;
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::number;
use crate::errors::js_error;

/// A file or device that is open for reading.
#[napi]
pub struct Source {
    pub(crate) inner: Arc<blockcopy_engine::Source>,
}

#[napi]
impl Source {
    /// Size in bytes when it was opened.
    #[napi(getter)]
    pub fn size(&self) -> f64 {
        number(self.inner.size())
    }

    /// Whether it is a block device, not a file.
    #[napi(getter)]
    pub fn is_device(&self) -> bool {
        self.inner.kind() == Kind::Device
    }

    /// Whether both are the same file, or the same device.
    #[napi]
    pub fn is_same_as(&self, other: &Source) -> bool {
        self.inner.is_same_as(&other.inner)
    }

    /// Which file or device of this host it is, by whatever name; `null` where that is not known. Printable ASCII, the same in all
    /// processes until the host is started again.
    #[napi]
    pub fn instance(&self) -> Option<String> {
        self.inner.instance()
    }

    /// How it is read, in words, for the log.
    #[napi(getter)]
    pub fn description(&self) -> String {
        let mode = if self.inner.is_direct() {
            "direct"
        } else {
            "buffered"
        };
        format!(
            "{mode} reads in multiples of {} bytes",
            self.inner.granularity()
        )
    }
}

impl From<blockcopy_engine::Source> for Source {
    fn from(inner: blockcopy_engine::Source) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }
}

/// A file or device that is open for writing.
#[napi]
pub struct Sink {
    pub(crate) inner: Arc<blockcopy_engine::Sink>,
}

#[napi]
impl Sink {
    /// Size in bytes when it was opened.
    #[napi(getter)]
    pub fn size(&self) -> f64 {
        number(self.inner.size())
    }

    /// Whether it is a block device, not a file.
    #[napi(getter)]
    pub fn is_device(&self) -> bool {
        self.inner.kind() == Kind::Device
    }

    /// Removes a file that was made when this was opened, if it is still empty and has its name; anything else stays. For a copy that
    /// fails before the first write.
    #[napi]
    pub fn remove_if_unused(&self, env: Env) -> Result<()> {
        let removed = self.inner.remove_if_unused();
        removed.map_err(|error| js_error(env, &error.into()))
    }

    /// How it is written, in words, for the log.
    #[napi(getter)]
    pub fn description(&self) -> String {
        let kind = match self.inner.kind() {
            Kind::File => "a regular file",
            Kind::Device => "a block device",
        };
        let mode = if self.inner.is_direct() {
            "directly"
        } else {
            "through the page cache"
        };
        format!("{kind}, written {mode}")
    }
}

impl From<blockcopy_engine::Sink> for Sink {
    fn from(inner: blockcopy_engine::Sink) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }
}
