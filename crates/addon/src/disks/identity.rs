//! Identifying sources, and the storage that they share.

use std::sync::Arc;

use blockcopy_engine::Storage;
use napi::bindgen_prelude::Object;
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::disks::Source;
use crate::engine::Engine;
use crate::names::to_path;

#[napi]
impl Engine {
    /// Returns the permanent identifier of a source, which changes with every change of a file: printable ASCII, at most 1024 characters.
    /// Rejects with the kind `no-identity` for a device without a permanent identifier.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn identity<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        self.answer(env, move || Ok(source.identity()?.to_string()))
    }

    /// Returns the same, for one that is kept: waits until the next change of a file will change it, usually two seconds at most.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn settled_identity<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        self.answer(env, move || Ok(source.settled_identity()?.to_string()))
    }

    /// Returns words that change with every write to a block device, up to the next boot: printable ASCII, at most 150 characters. `null`
    /// for anything else, and where the kernel does not count the writes. Syncs the device first; `null` if that fails.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn device_state<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        self.answer(env, move || Ok(source.device_state()))
    }

    /// Returns a description of the storage of this host that a source lies on: printable ASCII, at most 2500 characters; `null` if
    /// unknown. It is valid until the host is rebooted.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn storage_of<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        self.answer(env, move || {
            Ok(source.storage().map(|storage| storage.to_string()))
        })
    }

    /// As `storageOf`, for a file that does not exist yet.
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

    /// Returns a sentence, without its full stop, that says which bytes a source shares with a storage from `storageOf`:
    /// `/dev/sdb1 is a partition of /dev/sdb`. `null` if none are known, also for storage of another host.
    #[napi(ts_return_type = "Promise<string | null>")]
    pub fn overlap<'env>(
        &self,
        env: &'env Env,
        source: &Source,
        theirs: String,
    ) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        self.answer(env, move || {
            let theirs: Option<Storage> = theirs.parse().ok();
            let shared = theirs.and_then(|theirs| source.storage()?.shared_with(&theirs));
            Ok(shared.map(|shared| shared.to_string()))
        })
    }
}
