//! Errors of the engine as JavaScript errors.

use blockcopy_engine::Error as EngineError;
use napi::bindgen_prelude::JsValue;
use napi::{Env, Error, Result};

use crate::names::from_path;

/// A JavaScript `Error` with the properties `kind`, `path`, `offset`, `action` and `errno`, as far as they are known.
pub(crate) fn js_error(env: Env, error: &EngineError) -> Error {
    try_js_error(env, error).unwrap_or_else(|_| Error::from_reason(error.to_string()))
}

fn try_js_error(env: Env, error: &EngineError) -> Result<Error> {
    let mut object = env.create_error(Error::from_reason(error.to_string()))?;
    object.set("kind", error.code())?;
    if let Some(path) = error.path() {
        object.set("path", from_path(&env, path)?)?;
    }
    if let Some(offset) = error.offset() {
        object.set("offset", number(offset))?;
    }
    if let Some(action) = error.action() {
        object.set("action", action)?;
    }
    if let Some(errno) = error.errno() {
        object.set("errno", errno)?;
    }
    Ok(Error::from(object.to_unknown()))
}

/// An offset or size as JavaScript counts. Exact up to 2^53, which is more than any disk has.
#[expect(
    clippy::cast_precision_loss,
    reason = "offsets beyond 2^53 bytes are refused on the way in"
)]
pub(crate) fn number(value: u64) -> f64 {
    value as f64
}

/// An offset or size that JavaScript gave.
pub(crate) fn whole(value: f64) -> Result<u64> {
    const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
    if value.fract() != 0.0 || !(0.0..=MAX_SAFE).contains(&value) {
        return Err(invalid(
            "an offset or length is not a whole number below 2^53",
        ));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    Ok(value as u64)
}

/// An argument that the program must not have passed.
pub(crate) fn invalid(reason: &str) -> Error {
    Error::from_reason(format!("internal error: {reason}"))
}
