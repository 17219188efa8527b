//! The engine: its threads and the hash that suits this CPU.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::available_parallelism;

use blockcopy_keccak::{Sha3_512, Simd};
use rayon::ThreadPool;

use crate::digest::Algorithm;
use crate::extent::PIECE_LEN;
use crate::hasher::Hasher;
use crate::threads::{guard, pool};
use crate::{Done, Error};

/// Bounds for the default number of reads or writes in flight, which is two per core. A disk needs several to run at full speed. More
/// of them, on few cores, only push data out of the CPU's cache before it is hashed.
const QUEUE_DEPTH: RangeInclusive<usize> = 4..=8;

/// Set-up of the engine. The default suits this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineOptions {
    /// Instruction set for SHA3-512; the fastest one if `None`.
    pub simd: Option<Simd>,
    /// Threads that hash and compress; one per core that this process may use if `None`.
    pub threads: Option<NonZero<usize>>,
    /// Reads or writes in flight; two per core, at least 4 and at most 8, if `None`.
    pub queue_depth: Option<NonZero<usize>>,
}

/// The threads of the engine, and the hash kernel for this CPU. One per process.
///
/// Operations return at once and pass their result to `done`.
pub struct Engine {
    /// Threads that hash and compress.
    pub(crate) workers: ThreadPool,
    /// Threads that wait for disks.
    pub(crate) io: ThreadPool,
    pub(crate) hasher: Hasher,
}

impl Engine {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`Error::Simd`] if this CPU lacks the instruction set. [`Error::Threads`] if the threads cannot be started, because of a limit
    /// on processes or memory. Rayon's global pool would abort the process then, so it is not used.
    pub fn new(options: EngineOptions) -> Result<Arc<Self>, Error> {
        let sha3 = match options.simd {
            None => Sha3_512::new(),
            Some(simd) => Sha3_512::with(simd).ok_or(Error::Simd(simd))?,
        };
        let cores = available_parallelism().map_or(1, NonZero::get);
        let usual = (2 * cores).clamp(*QUEUE_DEPTH.start(), *QUEUE_DEPTH.end());
        let depth = options.queue_depth.map_or(usual, NonZero::get);
        Ok(Arc::new(Self {
            workers: pool(
                "hashing",
                "blockcopy-hash",
                options.threads.map_or(cores, NonZero::get),
            )?,
            io: pool("waiting for disks", "blockcopy-io", depth)?,
            hasher: Hasher::new(sha3),
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

    /// Returns the number of bytes that must be in flight to give work to every thread: a piece per thread that waits for a disk, and
    /// two per thread that hashes, one of them queued.
    #[must_use]
    pub fn appetite(&self) -> usize {
        (self.io.current_num_threads() + 2 * self.workers.current_num_threads()) * PIECE_LEN
    }

    /// Describes the set-up, for the log.
    #[must_use]
    pub fn description(&self) -> String {
        format!(
            "threads that hash: {}, reads or writes in flight: {}",
            self.workers.current_num_threads(),
            self.io.current_num_threads()
        )
    }

    /// Returns the digest of a block of `len` zeros, in bytes.
    #[must_use]
    pub fn zero_digest(&self, algorithm: Algorithm, len: usize) -> Vec<u8> {
        self.hasher.zero_digest(algorithm, len)
    }

    /// Describes how blocks are digested, for the log.
    #[must_use]
    pub fn hashing(&self, algorithm: Algorithm) -> String {
        self.hasher.description(algorithm)
    }
}
