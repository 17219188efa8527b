//! Operations of the engine as promises.

use blockcopy_engine::Error as EngineError;
use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, Result};

use crate::errors::js_error;

type Resolver<D> = Box<dyn FnOnce(Env) -> Result<D>>;

/// Starts an operation and returns a promise of its result, converted for JavaScript by `convert`.
///
/// A thread of the engine settles it, so the thread pool of libuv is never occupied.
pub(crate) fn promise<T: Send + 'static, D: ToNapiValue + 'static>(
    env: &Env,
    convert: impl FnOnce(T) -> D + Send + 'static,
    start: impl FnOnce(Box<dyn FnOnce(std::result::Result<T, EngineError>) + Send>),
) -> Result<Object<'_>> {
    promise_or(env, |_, value| Ok(convert(value)), start)
}

/// Does the same as [`promise`] for a result that may turn out to be a failure.
pub(crate) fn promise_or<T: Send + 'static, D: ToNapiValue + 'static>(
    env: &Env,
    convert: impl FnOnce(Env, T) -> Result<D> + Send + 'static,
    start: impl FnOnce(Box<dyn FnOnce(std::result::Result<T, EngineError>) + Send>),
) -> Result<Object<'_>> {
    let (deferred, promise) = env.create_deferred::<D, Resolver<D>>()?;
    start(Box::new(move |outcome| {
        deferred.resolve(Box::new(move |env| match outcome {
            Ok(value) => convert(env, value),
            Err(error) => Err(js_error(env, &error)),
        }));
    }));
    Ok(promise)
}
