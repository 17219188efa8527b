//! What a file has beside its content.

use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::whole;
use crate::engine::Engine;
use crate::files::{Sink, Source};
use crate::promise::promise;

/// A point in time.
#[napi(object)]
pub struct Time {
    /// Whole seconds since 1970; negative before.
    pub seconds: i64,
    /// Nanoseconds after that, below 1e9.
    pub nanoseconds: u32,
}

/// A user or a group that is to own a file.
#[napi(object)]
pub struct Owner {
    /// Its number.
    pub id: u32,
    /// Its name, where one is known.
    #[napi(ts_type = "string | undefined")]
    pub name: Option<String>,
}

/// When a file is to have been used.
#[napi(object)]
pub struct Times {
    /// When it was last read.
    pub accessed: Time,
    /// When its content was last changed.
    pub modified: Time,
}

/// What a file or device has beside its content.
#[napi(object)]
pub struct Metadata {
    /// Permission bits with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// The name of its owner, where one is known.
    #[napi(ts_type = "string | undefined")]
    pub owner: Option<String>,
    /// The name of its group, where one is known.
    #[napi(ts_type = "string | undefined")]
    pub group: Option<String>,
    /// When it was last read.
    pub accessed: Time,
    /// When its content was last changed.
    pub modified: Time,
}

/// What a file is to have; what is left out stays as it is.
#[napi(object)]
pub struct Restore {
    /// Its length in bytes.
    #[napi(ts_type = "number | undefined")]
    pub size: Option<f64>,
    /// Its owner: who has the name on this machine, or else the number.
    #[napi(ts_type = "Owner | undefined")]
    pub owner: Option<Owner>,
    /// Its group, likewise.
    #[napi(ts_type = "Owner | undefined")]
    pub group: Option<Owner>,
    /// Permission bits with set-user-ID, set-group-ID and sticky.
    #[napi(ts_type = "number | undefined")]
    pub mode: Option<u32>,
    /// When it was used.
    #[napi(ts_type = "Times | undefined")]
    pub times: Option<Times>,
}

#[napi]
impl Engine {
    /// What a source has beside its content, as things stand now.
    #[napi(ts_return_type = "Promise<Metadata>")]
    pub fn metadata<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(&source.inner);
        promise(env, Metadata::from, |done| {
            self.inner.run(move || Ok(source.metadata()?), done);
        })
    }

    /// Fails as `restore` would for want of a right, and changes nothing. Succeeds where only trying can tell.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn refuse_restore<'env>(
        &self,
        env: &'env Env,
        sink: &Sink,
        what: Restore,
    ) -> Result<Object<'env>> {
        let sink = Arc::clone(&sink.inner);
        let what = to_restore(what)?;
        promise(
            env,
            |()| (),
            |done| {
                self.inner
                    .run(move || Ok(sink.refuse_restore(&what)?), done);
            },
        )
    }

    /// Gives a regular file what it is to have beside its content: after all writes, and before `sync`.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn restore<'env>(
        &self,
        env: &'env Env,
        sink: &Sink,
        what: Restore,
    ) -> Result<Object<'env>> {
        let sink = Arc::clone(&sink.inner);
        let what = to_restore(what)?;
        promise(
            env,
            |()| (),
            |done| {
                self.inner.run(move || Ok(sink.restore(&what)?), done);
            },
        )
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
