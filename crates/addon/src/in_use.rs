//! Who else is using a file or device.

use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::engine::Engine;
use crate::files::Source;
use crate::names::to_path;

#[napi]
impl Engine {
    /// Who may write to a source while it is read, as a clause: `it is mounted on /srv`; `null` where nobody does, as far as that can be
    /// seen. Claims a device for a moment.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn writer_of<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(&source.inner);
        self.answer(env, move || Ok(source.writer()))
    }

    /// Fails as `openSink` without `force` would because somebody is using what is at a path, without opening it for writing. Claims a
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
