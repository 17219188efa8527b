//! Questions that a server or another process may never answer.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks something on a thread of its own. `None` if there is no answer within a second: the question then waits until this process ends.
///
/// If no thread can be started, it is asked here, and waited for: to go on without an answer is for those that do not get one.
pub(crate) fn answer_to<T: Send + 'static>(
    question: impl Fn() -> T + Send + Sync + 'static,
) -> Option<T> {
    let question = Arc::new(question);
    let (sender, receiver) = mpsc::channel();
    let asked = Arc::clone(&question);
    let started = thread::Builder::new()
        .name("blockcopy-ask".to_owned())
        // After that time, the answer goes nowhere.
        .spawn(move || _ = sender.send(asked()));
    match started {
        Ok(_) => receiver.recv_timeout(PATIENCE).ok(),
        Err(_) => Some(question()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_not_waited_for_without_end() {
        assert_eq!(answer_to(|| 4711), Some(4711));
        assert_eq!(answer_to(|| thread::sleep(Duration::MAX)), None);
    }
}
