//! Opening files and devices.

use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::disks::{Sink, Source};
use crate::engine::Engine;
use crate::errors::js_error;
use crate::names::to_path;
use crate::promise::promise;

/// Use of direct I/O, past the page cache.
#[napi(string_enum)]
#[derive(Clone, Copy)]
pub enum DirectIo {
    /// Direct I/O where it is possible, and for reads where it is faster.
    #[napi(value = "auto")]
    Auto,
    /// Always; fails where it is not possible.
    #[napi(value = "on")]
    On,
    /// Never.
    #[napi(value = "off")]
    Off,
}

impl From<DirectIo> for blockcopy_engine::Direct {
    fn from(direct: DirectIo) -> Self {
        match direct {
            DirectIo::Auto => Self::Auto,
            DirectIo::On => Self::On,
            DirectIo::Off => Self::Off,
        }
    }
}

/// Options for opening a destination.
#[napi(object)]
pub struct SinkOptions {
    /// Open a device that is in use; otherwise it is opened exclusively.
    pub force: bool,
    /// Create a regular file that does not exist, with permissions for its owner only. Nothing is created under /dev.
    pub create: bool,
    /// Lock with flock(2) until the sink is dropped. Fails with the kind `locked` if another process holds the lock.
    pub lock: bool,
    /// Use of direct I/O.
    pub direct: DirectIo,
}

impl From<SinkOptions> for blockcopy_engine::SinkOptions {
    fn from(options: SinkOptions) -> Self {
        Self {
            force: options.force,
            create: options.create,
            lock: options.lock,
            direct: options.direct.into(),
        }
    }
}

/// Opens a regular file or block device for reading, on this thread: at no time is it open without the caller being able to close it.
#[napi]
pub fn open_now(
    env: Env,
    #[napi(ts_arg_type = "string")] path: JsString<'_>,
    direct: DirectIo,
) -> Result<Source> {
    let opened = blockcopy_engine::Source::open(to_path(path)?, direct.into());
    let opened = opened.map_err(|error| js_error(env, &error.into()))?;
    Ok(opened.into())
}

#[napi]
impl Engine {
    /// Opens a regular file or block device for reading.
    #[napi(ts_return_type = "Promise<Source>")]
    pub fn open_source<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] path: JsString<'_>,
        direct: DirectIo,
    ) -> Result<Object<'env>> {
        let path = to_path(path)?;
        let open = move || Ok(blockcopy_engine::Source::open(path, direct.into())?);
        promise(env, Source::from, |done| self.inner.run(open, done))
    }

    /// Opens a clone of a file as it is now (`FICLONE`), which later writes to the file leave alone. Rejects with the action `clone` where
    /// that is not possible.
    #[napi(ts_return_type = "Promise<Source>")]
    pub fn clone_now<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        direct: DirectIo,
    ) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        let clone = move || Ok(source.clone_now(direct.into())?);
        promise(env, Source::from, |done| self.inner.run(clone, done))
    }

    /// Opens standard input for reading if it is a regular file or a block device; `null` if it is a stream.
    #[napi(ts_return_type = "Promise<Source | null>")]
    pub fn open_stdin<'env>(&self, env: &'env Env, direct: DirectIo) -> Result<Object<'env>> {
        let open = move || Ok(blockcopy_engine::Source::from_stdin(direct.into())?);
        promise(
            env,
            |opened: Option<_>| opened.map(Source::from),
            |done| self.inner.run(open, done),
        )
    }

    /// Opens a regular file or block device for writing.
    #[napi(ts_return_type = "Promise<Sink>")]
    pub fn open_sink<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] path: JsString<'_>,
        options: SinkOptions,
    ) -> Result<Object<'env>> {
        let path = to_path(path)?;
        let open = move || Ok(blockcopy_engine::Sink::open(path, options.into())?);
        promise(env, Sink::from, |done| self.inner.run(open, done))
    }

    /// Fails if `openSink` with `create` would fail to create a file that does not exist, whoever tries. Changes nothing.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn refuse_creating<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] path: JsString<'_>,
    ) -> Result<Object<'env>> {
        let path = to_path(path)?;
        self.answer(env, move || {
            Ok(blockcopy_engine::Sink::refuse_creating(path)?)
        })
    }

    /// Opens the file or device of a sink for reading.
    #[napi(ts_return_type = "Promise<Source>")]
    pub fn open_reader<'env>(
        &self,
        env: &'env Env,
        sink: &Sink,
        direct: DirectIo,
    ) -> Result<Object<'env>> {
        let sink = Arc::clone(sink.open()?);
        let open = move || Ok(sink.reader(direct.into())?);
        promise(env, Source::from, |done| self.inner.run(open, done))
    }
}
