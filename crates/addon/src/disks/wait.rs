//! Calls that wait for a disk or a server.

use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::arguments::number;
use crate::names::from_path;

/// Call that has not returned on a file, device or export where no other call has returned either.
#[napi(object)]
pub struct Wait<'env> {
    /// Number that no other call of this process has.
    pub number: f64,
    /// The verb for it, such as `read`.
    pub action: String,
    /// The file, device or export.
    #[napi(ts_type = "string")]
    pub path: JsString<'env>,
    /// Offset in bytes, if it has one.
    #[napi(ts_type = "number | undefined")]
    pub offset: Option<f64>,
    /// Seconds since it began or, if that is later, since another call there returned.
    pub seconds: f64,
}

/// Returns the call that waits for the file, device or export that has been silent for the longest time; `null` if no call is under way.
#[napi]
pub fn longest_wait(env: &Env) -> Result<Option<Wait<'_>>> {
    let Some(wait) = blockcopy_engine::longest_wait() else {
        return Ok(None);
    };
    Ok(Some(Wait {
        number: number(wait.number),
        action: wait.action.to_owned(),
        path: from_path(env, &wait.path)?,
        offset: wait.offset.map(number),
        seconds: wait.time.as_secs_f64(),
    }))
}
