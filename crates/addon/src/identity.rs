//! Which file or device a source is.

use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::engine::Engine;
use crate::files::Source;
use crate::promise::promise;

#[napi]
impl Engine {
    /// Which file or device a source is, and of a file, that it is unchanged: printable ASCII, 1024 characters at most. Rejects with
    /// the kind `no-identity` for a device of which nothing is known that would stay the same.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn identity<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(&source.inner);
        promise(
            env,
            |identity: blockcopy_engine::Identity| identity.to_string(),
            |done| self.inner.run(move || Ok(source.identity()?), done),
        )
    }
}
