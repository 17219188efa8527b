//! Metadata of files.

use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::arguments::whole;
use crate::disks::{Sink, Source};
use crate::engine::Engine;
use crate::names::to_path;
use crate::promise::promise;

/// Point in time.
#[napi(object)]
pub struct Time {
    /// Whole seconds since 1970; negative before.
    pub seconds: i64,
    /// Nanoseconds after that, below 1e9.
    pub nanoseconds: u32,
}

/// User or group that shall own a file.
#[napi(object)]
pub struct Owner {
    /// User ID or group ID.
    pub id: u32,
    /// Name, if known.
    #[napi(ts_type = "string | undefined")]
    pub name: Option<String>,
}

/// Times of a file to set.
#[napi(object)]
pub struct Times {
    /// Time of the last access.
    pub accessed: Time,
    /// Time of the last change of its content.
    pub modified: Time,
}

/// Metadata of a file or device.
#[napi(object)]
pub struct Metadata {
    /// Permission bits with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// User ID of its owner.
    pub uid: u32,
    /// Group ID of its group.
    pub gid: u32,
    /// Name of its owner, if known.
    #[napi(ts_type = "string | undefined")]
    pub owner: Option<String>,
    /// Name of its group, if known.
    #[napi(ts_type = "string | undefined")]
    pub group: Option<String>,
    /// Time of the last access.
    pub accessed: Time,
    /// Time of the last change of its content.
    pub modified: Time,
}

/// Metadata to set; anything undefined stays unchanged.
#[napi(object)]
pub struct Restore {
    /// Length in bytes.
    #[napi(ts_type = "number | undefined")]
    pub size: Option<f64>,
    /// Owner: the user of that name on this machine, or else the number.
    #[napi(ts_type = "Owner | undefined")]
    pub owner: Option<Owner>,
    /// Group, likewise.
    #[napi(ts_type = "Owner | undefined")]
    pub group: Option<Owner>,
    /// Permission bits with set-user-ID, set-group-ID and sticky.
    #[napi(ts_type = "number | undefined")]
    pub mode: Option<u32>,
    /// Times of the last access and of the last change.
    #[napi(ts_type = "Times | undefined")]
    pub times: Option<Times>,
}

#[napi]
impl Engine {
    /// Returns the current metadata of a source.
    #[napi(ts_return_type = "Promise<Metadata>")]
    pub fn metadata<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        promise(env, Metadata::from, |done| {
            self.inner.run(move || Ok(source.metadata()?), done);
        })
    }

    /// Checks that this process has the rights that `restore` needs, also for a file still to be created. Changes nothing. Succeeds if
    /// that cannot be known.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn refuse_restore<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "string")] path: JsString<'_>,
        what: Restore,
    ) -> Result<Object<'env>> {
        let path = to_path(path)?;
        let what = to_restore(what)?;
        self.answer(env, move || {
            Ok(blockcopy_engine::Sink::refuse_restore(path, &what)?)
        })
    }

    /// Sets the metadata of a regular file: call it after all writes and before `sync`.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn restore<'env>(
        &self,
        env: &'env Env,
        sink: &Sink,
        what: Restore,
    ) -> Result<Object<'env>> {
        let sink = Arc::clone(sink.open()?);
        let what = to_restore(what)?;
        self.answer(env, move || Ok(sink.restore(&what)?))
    }
}

fn to_restore(what: Restore) -> Result<blockcopy_engine::Restore> {
    Ok(blockcopy_engine::Restore {
        size: what.size.map(whole).transpose()?,
        owner: what.owner.map(Into::into),
        group: what.group.map(Into::into),
        mode: what.mode,
        times: what
            .times
            .map(|times| (times.accessed.into(), times.modified.into())),
    })
}

impl From<blockcopy_engine::Metadata> for Metadata {
    fn from(metadata: blockcopy_engine::Metadata) -> Self {
        Self {
            mode: metadata.mode,
            uid: metadata.uid,
            gid: metadata.gid,
            owner: metadata.owner,
            group: metadata.group,
            accessed: metadata.accessed.into(),
            modified: metadata.modified.into(),
        }
    }
}

impl From<Owner> for blockcopy_engine::Owner {
    fn from(Owner { id, name }: Owner) -> Self {
        Self { id, name }
    }
}

impl From<blockcopy_engine::Time> for Time {
    fn from(time: blockcopy_engine::Time) -> Self {
        Self {
            seconds: time.seconds,
            nanoseconds: time.nanoseconds,
        }
    }
}

impl From<Time> for blockcopy_engine::Time {
    fn from(time: Time) -> Self {
        Self {
            seconds: time.seconds,
            nanoseconds: time.nanoseconds,
        }
    }
}
