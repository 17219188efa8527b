//! Sources and sinks.

use std::sync::Arc;

use blockcopy_engine::Kind;
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::number;
use crate::errors::js_error;

/// File or device that is open for reading.
#[napi]
pub struct Source {
    pub(crate) inner: Arc<blockcopy_engine::Source>,
}

#[napi]
impl Source {
    /// Size in bytes at the time of opening.
    #[napi(getter)]
    pub fn size(&self) -> f64 {
        number(self.inner.size())
    }

    /// True for a block device, false for a file.
    #[napi(getter)]
    pub fn is_device(&self) -> bool {
        self.inner.kind() == Kind::Device
    }

    /// True for an export of an NBD server; it is a device too.
    #[napi(getter)]
    pub fn is_export(&self) -> bool {
        self.inner.server().is_some()
    }

    /// Returns true if both are the same file or the same device.
    #[napi]
    pub fn is_same_as(&self, other: &Source) -> bool {
        self.inner.is_same_as(&other.inner)
    }

    /// Returns a name for the file or device that does not depend on its path: printable ASCII, the same in all processes of this host until
    /// it is rebooted; `null` if unknown.
    #[napi]
    pub fn instance(&self) -> Option<String> {
        self.inner.instance()
    }

    /// Description of the way of reading, for the log.
    #[napi(getter)]
    pub fn description(&self) -> String {
        if let Some(server) = self.inner.server() {
            return server;
        }
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

/// File or device that is open for writing.
#[napi]
pub struct Sink {
    pub(crate) inner: Arc<blockcopy_engine::Sink>,
}

#[napi]
impl Sink {
    /// Size in bytes at the time of opening.
    #[napi(getter)]
    pub fn size(&self) -> f64 {
        number(self.inner.size())
    }

    /// True for a block device, false for a file.
    #[napi(getter)]
    pub fn is_device(&self) -> bool {
        self.inner.kind() == Kind::Device
    }

    /// True for an export of an NBD server; it is a device too.
    #[napi(getter)]
    pub fn is_export(&self) -> bool {
        self.inner.server().is_some()
    }

    /// Removes the file if opening this sink has created it, and if it is still empty and still has its name. For a copy that fails before
    /// the first write.
    #[napi]
    pub fn remove_if_unused(&self, env: Env) -> Result<()> {
        let removed = self.inner.remove_if_unused();
        removed.map_err(|error| js_error(env, &error.into()))
    }

    /// Description of the way of writing, for the log.
    #[napi(getter)]
    pub fn description(&self) -> String {
        if let Some(server) = self.inner.server() {
            return server;
        }
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
