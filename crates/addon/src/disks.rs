//! Sources and sinks, and what else can be done with files and devices.

use std::sync::Arc;

use blockcopy_engine::Kind;
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::arguments::{number, whole};
use crate::errors::js_error;

pub mod confine;
pub mod identity;
pub mod image;
pub mod in_use;
pub mod metadata;
pub mod open;
pub mod wait;

/// File or device that is open for reading.
#[napi]
pub struct Source {
    /// `None` once it is closed.
    inner: Option<Arc<blockcopy_engine::Source>>,
}

impl Source {
    /// Returns the open source.
    ///
    /// # Errors
    /// Fails if it has been closed.
    pub(crate) fn open(&self) -> Result<&Arc<blockcopy_engine::Source>> {
        let closed = || Error::from_reason("the source has been closed");
        self.inner.as_ref().ok_or_else(closed)
    }
}

#[napi]
impl Source {
    /// Size in bytes at the time of opening.
    #[napi(getter)]
    pub fn size(&self) -> Result<f64> {
        Ok(number(self.open()?.size()))
    }

    /// True for a block device, false for a file.
    #[napi(getter)]
    pub fn is_device(&self) -> Result<bool> {
        Ok(self.open()?.kind() == Kind::Device)
    }

    /// True for an export of an NBD server; it is a device too.
    #[napi(getter)]
    pub fn is_export(&self) -> Result<bool> {
        Ok(self.open()?.server().is_some())
    }

    /// Takes it for what it was when it had `size` bytes, if it has grown since. Call it before anything is read.
    #[napi]
    pub fn limit(&mut self, size: f64) -> Result<()> {
        let in_use = || Error::from_reason("the source is in use");
        let source = self.inner.as_mut().and_then(Arc::get_mut);
        source.ok_or_else(in_use)?.limit(whole(size)?);
        Ok(())
    }

    /// Takes no holes for granted from now on: all of it counts as data, and is read.
    #[napi]
    pub fn read_holes(&self) -> Result<()> {
        self.open()?.read_holes();
        Ok(())
    }

    /// Returns true if both are the same file or the same device.
    #[napi]
    pub fn is_same_as(&self, other: &Source) -> Result<bool> {
        Ok(self.open()?.is_same_as(other.open()?))
    }

    /// Returns a name for the file or device that does not depend on its path: printable ASCII, the same in all processes of this host until
    /// it is rebooted; `null` if unknown.
    #[napi]
    pub fn instance(&self) -> Result<Option<String>> {
        Ok(self.open()?.instance())
    }

    /// Description of the way of reading, for the log.
    #[napi(getter)]
    pub fn description(&self) -> Result<String> {
        let source = self.open()?;
        if let Some(server) = source.server() {
            return Ok(server);
        }
        let mode = if source.is_direct() {
            "direct"
        } else {
            "buffered"
        };
        let granularity = source.granularity();
        Ok(format!("{mode} reads in multiples of {granularity} bytes"))
    }

    /// Closes it, at the latest when the reads in flight have ended. Closing it again has no effect; everything else then fails.
    #[napi]
    pub fn close(&mut self) {
        self.inner = None;
    }
}

impl From<blockcopy_engine::Source> for Source {
    fn from(inner: blockcopy_engine::Source) -> Self {
        Self {
            inner: Some(Arc::new(inner)),
        }
    }
}

/// File or device that is open for writing.
#[napi]
pub struct Sink {
    /// `None` once it is closed.
    inner: Option<Arc<blockcopy_engine::Sink>>,
}

impl Sink {
    /// Returns the open sink.
    ///
    /// # Errors
    /// Fails if it has been closed.
    pub(crate) fn open(&self) -> Result<&Arc<blockcopy_engine::Sink>> {
        let closed = || Error::from_reason("the sink has been closed");
        self.inner.as_ref().ok_or_else(closed)
    }
}

#[napi]
impl Sink {
    /// Size in bytes at the time of opening.
    #[napi(getter)]
    pub fn size(&self) -> Result<f64> {
        Ok(number(self.open()?.size()))
    }

    /// True for a block device, false for a file.
    #[napi(getter)]
    pub fn is_device(&self) -> Result<bool> {
        Ok(self.open()?.kind() == Kind::Device)
    }

    /// True for an export of an NBD server; it is a device too.
    #[napi(getter)]
    pub fn is_export(&self) -> Result<bool> {
        Ok(self.open()?.server().is_some())
    }

    /// Takes for granted that all of it reads as zeros, because it was just created: sparse zeros are not written where nothing else was.
    /// Only before the first write.
    #[napi]
    pub fn assume_zeros(&self) -> Result<()> {
        self.open()?.assume_zeros();
        Ok(())
    }

    /// Removes the file if opening this sink has created it, and if it is still empty and still has its name. For a copy that fails before
    /// the first write.
    #[napi]
    pub fn remove_if_unused(&self, env: Env) -> Result<()> {
        let removed = self.open()?.remove_if_unused();
        removed.map_err(|error| js_error(env, &error.into()))
    }

    /// The descriptors that claim and lock the destination, as long as they or duplicates of them are open; empty for an export.
    #[napi]
    pub fn claim(&self) -> Result<Vec<i32>> {
        Ok(self.open()?.claim())
    }

    /// Description of the way of writing, for the log.
    #[napi(getter)]
    pub fn description(&self) -> Result<String> {
        let sink = self.open()?;
        if let Some(server) = sink.server() {
            return Ok(server);
        }
        let kind = match sink.kind() {
            Kind::File => "a regular file",
            Kind::Device => "a block device",
        };
        let mode = if sink.is_direct() {
            "directly"
        } else {
            "through the page cache"
        };
        Ok(format!("{kind}, written {mode}"))
    }

    /// Closes it and releases its locks, at the latest when the writes in flight have ended. Closing it again has no effect; everything else
    /// then fails.
    #[napi]
    pub fn close(&mut self) {
        self.inner = None;
    }
}

impl From<blockcopy_engine::Sink> for Sink {
    fn from(inner: blockcopy_engine::Sink) -> Self {
        Self {
            inner: Some(Arc::new(inner)),
        }
    }
}
