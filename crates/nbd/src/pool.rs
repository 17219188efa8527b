//! Connections to one export.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::connection::Connection;
use crate::opening::Opening;
use crate::{Error, Export, Limits};

/// Limit for the connections to one export. Servers limit their clients, and others need some too: the next stage, for instance.
const MAX_CONNECTIONS: usize = 4;

/// Limit for connecting, and for the handshake, of any connection but the first. A server with all the clients it allows may say nothing to
/// one more: for `qemu-nbd -e 2`, the kernel accepts the connection.
const PATIENCE: Duration = Duration::from_secs(1);

/// Connections to one export. More are opened while all are busy.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    export: Export,
    opening: Opening,
}

#[derive(Debug)]
struct Shared {
    connections: Mutex<Vec<Arc<Connection>>>,
    /// True at the limit, while another connection is being opened, and after that has failed.
    is_full: AtomicBool,
}

impl Pool {
    /// Begins with one connection, which was opened with `opening` and shows `export`.
    pub(crate) fn new(first: Connection, export: Export, opening: Opening) -> Self {
        let limits = Limits {
            connect: opening.limits.connect.min(PATIENCE),
            handshake: opening.limits.handshake.min(PATIENCE),
            ..opening.limits
        };
        Self {
            shared: Arc::new(Shared {
                connections: Mutex::new(vec![Arc::new(first)]),
                is_full: AtomicBool::new(!export.can_multi_conn()),
            }),
            export,
            opening: Opening { limits, ..opening },
        }
    }

    /// Returns all connections.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.shared.lock().clone()
    }

    /// Returns the connection with the fewest requests in flight, at once. If all have some, another one is opened for later requests.
    pub(crate) fn least_busy(&self) -> Option<Arc<Connection>> {
        let connections = self.all();
        let least = connections
            .iter()
            .min_by_key(|connection| connection.in_flight())?;
        if least.in_flight() > 0 && !self.shared.is_full.swap(true, Ordering::Relaxed) {
            self.open_another();
        }
        Some(Arc::clone(least))
    }

    /// Opens another connection on a thread of its own, so that no request waits for a server that accepts no more clients.
    fn open_another(&self) {
        let (shared, export) = (Arc::downgrade(&self.shared), self.export);
        let opening = self.opening.clone();
        let opener = thread::Builder::new().name("blockcopy-nbd".to_owned());
        // If no thread can be started, no more connections are tried.
        _ = opener.spawn(move || opening.add_to(&shared, &export));
    }
}

impl Opening {
    /// Opens a connection.
    pub(crate) fn open(&self) -> Result<(Connection, Export), Error> {
        Connection::open(self)
    }

    /// Adds a connection to a pool, if that still exists. If the server accepts no more, or shows another export by now, no more are tried.
    fn add_to(&self, pool: &Weak<Shared>, expected: &Export) {
        let Ok((connection, export)) = self.open() else {
            return;
        };
        if let Some(shared) = pool.upgrade().filter(|_| export == *expected) {
            let mut connections = shared.lock();
            connections.push(Arc::new(connection));
            let is_full = connections.len() >= MAX_CONNECTIONS;
            shared.is_full.store(is_full, Ordering::Relaxed);
        }
    }
}

impl Shared {
    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
