//! Finding other users of a file or device.

use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::disks::Source;
use crate::engine::Engine;
use crate::names::to_path;

#[napi]
impl Engine {
    /// Returns a clause that says who may write to a source while it is read: `it is mounted on /srv`; `null` if no writer is found.
    /// Claims a device for a moment.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn writer_of<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        self.answer(env, move || Ok(source.writer()))
    }

    /// Fails if `openSink` without `force` would fail because the file or device is in use. Does not open it for writing; claims a
    /// device for a moment.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn refuse_used<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] path: JsString<'_>,
    ) -> Result<Object<'env>> {
        let path = to_path(path)?;
        self.answer(env, move || Ok(blockcopy_engine::Sink::refuse_used(path)?))
    }
}
