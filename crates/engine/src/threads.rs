//! Starting threads, and turning their panics into errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{Done, Error};

pub(crate) fn pool(
    purpose: &'static str,
    name: &'static str,
    count: usize,
) -> Result<ThreadPool, Error> {
    ThreadPoolBuilder::new()
        .num_threads(count)
        .thread_name(move |index| format!("{name}-{index}"))
        .build()
        .map_err(|source| Error::Threads {
            count,
            purpose,
            source: source.into(),
        })
}

/// Runs `work` on its own thread, called `name`. For work that may wait forever and must not occupy a thread of a pool.
///
/// # Errors
/// Passed to `done`: the error of `work`, or [`Error::Threads`].
pub fn in_background<T: 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    done: impl Done<T>,
) {
    // Shared, because a thread that cannot be started drops its closure.
    let done = Arc::new(Mutex::new(Some(done)));
    let settle = {
        let done = Arc::clone(&done);
        move |result| {
            let done = done.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(done) = done {
                done(result);
            }
        }
    };
    let settle_here = settle.clone();
    let started = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || settle(guard(work)));
    if let Err(source) = started {
        settle_here(Err(Error::Threads {
            count: 1,
            purpose: "waiting for a stream",
            source: source.into(),
        }));
    }
}

/// Runs `work` and turns a panic into [`Error::Panicked`]. A panic that left a thread of the pool would abort the process without
/// a report about the data.
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Error::Panicked(panic_message(payload.as_ref()))))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
