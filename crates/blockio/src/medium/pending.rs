//! Calls that wait for a disk or a server, so that a person can be told which one never returns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Calls that have not returned, in the order in which they began.
static CALLS: Mutex<BTreeMap<u64, Call>> = Mutex::new(BTreeMap::new());

static LAST_NUMBER: AtomicU64 = AtomicU64::new(0);

/// File, device or export that calls are made on.
#[derive(Debug)]
pub(crate) struct Target {
    path: PathBuf,
    /// The last time that a call returned.
    answered: Mutex<Instant>,
}

struct Call {
    action: &'static str,
    offset: Option<u64>,
    target: Arc<Target>,
    since: Instant,
}

/// Call that has not returned on a file, device or export where no other call has returned either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Number that no other call of this process has.
    pub number: u64,
    /// The verb for it, such as `read`.
    pub action: &'static str,
    /// The file, device or export.
    pub path: PathBuf,
    /// Offset in bytes, if it has one.
    pub offset: Option<u64>,
    /// Time since it began or, if that is later, since another call on the same file, device or export returned.
    pub time: Duration,
}

/// Call that goes on until this is dropped.
#[must_use]
pub(crate) struct Pending {
    number: u64,
}

impl Target {
    pub(crate) fn new(path: &Path) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            answered: Mutex::new(Instant::now()),
        })
    }

    /// Takes note of a call that begins now.
    pub(crate) fn call(self: &Arc<Self>, action: &'static str, offset: Option<u64>) -> Pending {
        let number = LAST_NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
        let call = Call {
            action,
            offset,
            target: Arc::clone(self),
            since: Instant::now(),
        };
        calls().insert(number, call);
        Pending { number }
    }

    fn answered(&self) -> MutexGuard<'_, Instant> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let call = calls().remove(&self.number);
        if let Some(Call { target, .. }) = call {
            *target.answered() = Instant::now();
        }
    }
}

/// Returns the call that waits for the file, device or export that has been silent for the longest time. `None` if no call is under way.
///
/// A disk that is slow answers one of several calls now and then, and so does not wait for long in this sense.
#[must_use]
pub fn longest_wait() -> Option<Wait> {
    let now = Instant::now();
    let time = |call: &Call| now.saturating_duration_since(call.since.max(*call.target.answered()));
    let calls = calls();
    // Of several that wait as long, the first one.
    let (number, call) = calls.iter().rev().max_by_key(|(_, call)| time(call))?;
    Some(Wait {
        number: *number,
        action: call.action,
        path: call.target.path.clone(),
        offset: call.offset,
        time: time(call),
    })
}

fn calls() -> MutexGuard<'static, BTreeMap<u64, Call>> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other tests of this process make calls, too.
    fn wait_for(path: &str) -> Option<(&'static str, Option<u64>, Duration)> {
        let calls = calls();
        let call = calls
            .values()
            .find(|call| call.target.path == Path::new(path))?;
        let since = call.since.max(*call.target.answered());
        Some((call.action, call.offset, since.elapsed()))
    }

    #[test]
    fn a_call_waits_since_the_last_answer() {
        let pause = Duration::from_millis(30);
        let target = Target::new(Path::new("/pending/one"));
        let first = target.call("read", Some(7));
        let second = target.call("write", None);
        std::thread::sleep(pause);
        let (action, offset, time) = wait_for("/pending/one").unwrap();
        assert_eq!((action, offset), ("read", Some(7)));
        assert!(time >= pause, "{time:?}");
        assert!(longest_wait().unwrap().time >= pause);
        drop(second);
        let (action, _, time) = wait_for("/pending/one").unwrap();
        assert_eq!(action, "read");
        assert!(time < pause, "{time:?}");
        drop(first);
        assert_eq!(wait_for("/pending/one"), None);
    }
}
