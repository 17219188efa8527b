//! Names that lead to the same file until the process ends.

use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::errors::js_error;
use crate::names::{from_path, to_path};

/// A name, and the path through a descriptor that takes its place.
#[napi(object)]
pub struct Place<'env> {
    /// The name.
    #[napi(ts_type = "string")]
    pub name: JsString<'env>,
    /// The path through a descriptor, which leads to the same file or directory until the process ends.
    #[napi(ts_type = "string")]
    pub at: JsString<'env>,
}

/// Finds the file at an absolute path, without following symbolic links that others than root can have made. From then on, the engine
/// reaches the file, or the directory of a file that does not exist, through a descriptor wherever it is given that path. Returns the
/// names that are reached so. Works once per process.
#[napi]
pub fn confine<'env>(
    env: &'env Env,
    #[napi(ts_arg_type = "string")] path: JsString<'_>,
) -> Result<Vec<Place<'env>>> {
    let confined = blockcopy_engine::confine(&to_path(path)?);
    let confined = confined.map_err(|error| js_error(*env, &error.into()))?;
    let places = confined.iter().map(|place| {
        Ok(Place {
            name: from_path(env, &place.name)?,
            at: from_path(env, &place.at)?,
        })
    });
    places.collect()
}
