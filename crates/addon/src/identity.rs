//! Which file or device a source is.

use std::sync::Arc;

use blockcopy_engine::Storage;
use napi::bindgen_prelude::Object;
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::engine::Engine;
use crate::files::Source;
use crate::names::to_path;

#[napi]
impl Engine {
    /// Which file or device a source is, and of a file, that it is unchanged: printable ASCII, 1024 characters at most. Rejects with
    /// the kind `no-identity` for a device of which nothing is known that would stay the same.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn identity<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(&source.inner);
        self.answer(env, move || Ok(source.identity()?.to_string()))
    }

    /// Which storage of this host a source lies on: printable ASCII, 2500 characters at most; `null` where that is not known. It holds
    /// until the host is started again.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn storage_of<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(&source.inner);
        self.answer(env, move || {
            Ok(source.storage().map(|storage| storage.to_string()))
        })
    }

    /// As `storageOf`, of a file that is yet to be made.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn storage_of_new_file<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] path: JsString<'_>,
    ) -> Result<Object<'env>> {
        let path = to_path(path)?;
        self.answer(env, move || {
            let storage = Storage::of_new_file(path.as_ref());
            Ok(storage.map(|storage| storage.to_string()))
        })
    }

    /// Which bytes a source has in common with what `storageOf` described, as a sentence without its full stop:
    /// `/dev/sdb1 is a partition of /dev/sdb`. `null` if nothing is known to be, also if it was described on another host.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn overlap<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        theirs: String,
    ) -> Result<Object<'env>> {
        let source = Arc::clone(&source.inner);
        self.answer(env, move || {
            let theirs: Option<Storage> = theirs.parse().ok();
            let shared = theirs.and_then(|theirs| source.storage()?.shared_with(&theirs));
            Ok(shared.map(|shared| shared.to_string()))
        })
    }
}
