//! Operations of the engine as promises.

use blockcopy_engine::Error as EngineError;
use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, Result};

use crate::errors::js_error;

type Resolver<D> = Box<dyn FnOnce(Env) -> Result<D>>;

/// Starts an operation and returns a promise of its result, turned by `convert` into what JavaScript sees.
///
/// The engine's own threads settle it, so no thread of libuv's pool is ever occupied.
pub(crate) fn promise<T: Send + 'static, D: ToNapiValue + 'static>(
    env: &Env,
    convert: impl FnOnce(T) -> D + Send + 'static,
    start: impl FnOnce(Box<dyn FnOnce(std::result::Result<T, EngineError>) + Send>),
) -> Result<Object<'_>> {
    let (deferred, promise) = env.create_deferred::<D, Resolver<D>>()?;
    start(Box::new(move |outcome| {
        deferred.resolve(Box::new(move |env| {
            outcome.map(convert).map_err(|error| js_error(env, &error))
        }));
    }));
    Ok(promise)
}
