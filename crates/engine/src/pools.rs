//! The threads of the engine.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, available_parallelism};

use blockcopy_keccak::{Sha3_512, Simd};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::digest::Hasher;
use crate::gather::guard;
use crate::{Done, Error};

/// How many reads are in flight at once. A disk needs several to run at its full speed, and the threads that
/// wait for it cost next to nothing.
const IO_THREADS: usize = 8;

/// The threads of the engine, and the hash that suits this CPU. One per process.
///
/// Operations return at once; their result goes to the `done` that they are given.
pub struct Engine {
    /// One thread per core: hashing and compressing.
    pub(crate) workers: ThreadPool,
    /// Threads that wait for disks.
    pub(crate) io: ThreadPool,
    pub(crate) hash: Hasher,
}

impl Engine {
    /// Starts the threads: one per core that this process may use, and those that wait for disks.
    ///
    /// `simd` forces SHA3-512 to use that instruction set instead of the best one.
    ///
    /// # Errors
    /// [`Error::Simd`] when this CPU lacks it. [`Error::Threads`] when the threads cannot be started (a limit on processes
    /// or memory). Rayon's global pool would end the process there, so it is not used.
    pub fn new(simd: Option<Simd>) -> Result<Arc<Self>, Error> {
        let sha3 = match simd {
            None => Sha3_512::new(),
            Some(simd) => Sha3_512::with(simd).ok_or(Error::Simd(simd))?,
        };
        let cores = available_parallelism().map_or(1, NonZero::get);
        Ok(Arc::new(Self {
            workers: pool("hashing", "blockcopy-hash", cores)?,
            io: pool("reading", "blockcopy-io", IO_THREADS)?,
            hash: Hasher { sha3 },
        }))
    }

    /// Runs `work`, which waits for a disk, on a thread of the engine.
    pub fn run<T>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
        done: impl Done<T>,
    ) {
        self.io.spawn_fifo(move || done(guard(work)));
    }

    /// How the engine is set up, in words, for the log.
    #[must_use]
    pub fn description(&self) -> String {
        format!(
            "{} hashing threads, {} reading threads",
            self.workers.current_num_threads(),
            self.io.current_num_threads()
        )
    }
}

fn pool(purpose: &'static str, name: &'static str, count: usize) -> Result<ThreadPool, Error> {
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

/// Runs `work` on a thread of its own called `name`: for what may wait for ever, and must not keep a thread of a pool.
///
/// # Errors
/// To `done`: what `work` returned, or [`Error::Threads`].
pub fn in_background<T: 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    done: impl Done<T>,
) {
    // Shared, because a thread that cannot be started takes its closure with it.
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
            purpose: "waiting",
            source: source.into(),
        }));
    }
}
