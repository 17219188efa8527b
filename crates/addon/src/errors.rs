//! Errors of the engine as JavaScript errors.

use blockcopy_engine::Error as EngineError;
use napi::bindgen_prelude::JsValue;
use napi::{Env, Error, Result};

use crate::arguments::number;
use crate::names::from_path;

/// Returns a JavaScript `Error` with the properties `kind`, `path`, `offset`, `action` and `errno`, as far as they are known.
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
