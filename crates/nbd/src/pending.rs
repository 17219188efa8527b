//! Requests that wait for their replies.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::coverage::Coverage;
use crate::{Error, Extent};

/// Content that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The bytes of a range.
    Data {
        /// Offset in the export.
        offset: u64,
        /// Length in bytes.
        len: u32,
    },
    /// The extents of a range, of a metadata context.
    Status {
        /// Length of the range in bytes.
        len: u32,
        /// Number of the metadata context.
        context: u32,
    },
    /// Nothing but success.
    Success,
}

/// Content of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All bytes of the range.
    Data(Vec<u8>),
    /// Extents from the start of the range, at least one and at most to its end.
    Status(Vec<Extent>),
    /// Success.
    Success,
}

/// Limit for the buffers that are kept to be used again, and for the bytes of each: what several threads read at a time.
const SPARE: usize = 8;
const SPARE_LEN: usize = 1024 * 1024;

/// Bytes that count as progress although they complete no reply. A server that sends fewer within the limit for silence could keep a request
/// waiting for years.
const PROGRESS: usize = 64 * 1024;

/// Request whose reply has not arrived completely.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) want: Want,
    /// Has bytes of other replies where it is not filled.
    pub(crate) data: Vec<u8>,
    pub(crate) filled: Coverage,
    pub(crate) extents: Vec<Extent>,
    pub(crate) error: Option<u32>,
    /// Chunks that have arrived.
    pub(crate) chunks: u32,
    answer: SyncSender<Result<Answer, Error>>,
}

/// Place where the answer to a request arrives.
#[derive(Debug)]
pub struct Ticket(Receiver<Result<Answer, Error>>);

impl Ticket {
    /// Waits for the answer. `None` if the connection failed before it arrived.
    #[must_use]
    pub fn wait(&self) -> Option<Result<Answer, Error>> {
        self.0.recv().ok()
    }
}

impl State {
    /// Gives the answer to whoever waits for it.
    pub(crate) fn settle(self, answer: Result<Answer, Error>) {
        // If the one who asked has gone, the answer is not needed.
        _ = self.answer.send(answer);
    }
}

/// Requests that wait for their replies, by cookie. Shared by those who send and the one who receives.
#[derive(Debug)]
pub struct Pending(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    states: HashMap<u64, State>,
    /// Buffers of earlier replies. New memory for each would cost more than its copy: the kernel zeroes every page of it.
    spare: Vec<Vec<u8>>,
    next_cookie: u64,
    /// Requests sent and not settled.
    in_flight: usize,
    /// Time that was spent waiting for the server since it last made [progress](PROGRESS), or since the first request after a pause was sent.
    waited: Duration,
    /// Bytes that have arrived since then.
    arrived: usize,
    /// True after the connection failed.
    closed: bool,
}

impl Inner {
    fn progress(&mut self) {
        self.waited = Duration::ZERO;
        self.arrived = 0;
    }
}

impl Default for Pending {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            states: HashMap::new(),
            spare: Vec::new(),
            next_cookie: 1,
            in_flight: 0,
            waited: Duration::ZERO,
            arrived: 0,
            closed: false,
        }))
    }
}

impl Pending {
    /// Adds a request and returns its cookie. `None` if the connection has failed.
    pub fn add(&self, want: Want) -> Option<(u64, Ticket)> {
        let mut inner = self.lock();
        if inner.closed {
            return None;
        }
        let (answer, ticket) = sync_channel(1);
        let data = match want {
            Want::Data { .. } => inner.spare.pop().unwrap_or_default(),
            Want::Status { .. } | Want::Success => Vec::new(),
        };
        let state = State {
            want,
            data,
            filled: Coverage::default(),
            extents: Vec::new(),
            error: None,
            chunks: 0,
            answer,
        };
        let cookie = inner.next_cookie;
        inner.next_cookie += 1;
        if inner.in_flight == 0 {
            inner.progress();
        }
        inner.in_flight += 1;
        inner.states.insert(cookie, state);
        Some((cookie, Ticket(ticket)))
    }

    /// Takes back the buffer of an answer, for another one.
    pub(crate) fn reuse(&self, buffer: Vec<u8>) {
        let mut inner = self.lock();
        if inner.spare.len() < SPARE && buffer.capacity() <= SPARE_LEN {
            inner.spare.push(buffer);
        }
    }

    /// Takes the request with that cookie, to be put back or settled.
    pub(crate) fn take(&self, cookie: u64) -> Option<State> {
        self.lock().states.remove(&cookie)
    }

    /// Puts back a request whose reply is not complete.
    pub(crate) fn put_back(&self, cookie: u64, state: State) {
        self.lock().states.insert(cookie, state);
    }

    /// Counts a request that was taken as settled.
    pub(crate) fn settled(&self) {
        let mut inner = self.lock();
        inner.in_flight -= 1;
        inner.progress();
    }

    /// Records that the server has taken a large part of a payload.
    pub(crate) fn taken(&self) {
        self.lock().progress();
    }

    /// Returns the number of requests that wait.
    pub(crate) fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// Records that the server has sent `count` bytes after a time of `waited`. Returns true if a request waits, and the server has made no
    /// progress for `limit`.
    pub(crate) fn is_overdue(&self, waited: Duration, count: usize, limit: Duration) -> bool {
        let mut inner = self.lock();
        inner.waited = inner.waited.saturating_add(waited);
        inner.arrived = inner.arrived.saturating_add(count);
        if inner.arrived >= PROGRESS {
            inner.progress();
        }
        inner.in_flight > 0 && inner.waited >= limit
    }

    /// Gives up all requests, and accepts no others.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.states.clear();
    }

    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
