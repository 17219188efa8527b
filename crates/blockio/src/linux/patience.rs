//! Questions that a server or another process may never answer.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks something on a thread of its own. `None` if there is no answer within a second, or no thread: the question then waits until this
/// process ends.
pub(crate) fn answer_to<T: Send + 'static>(
    question: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    let asked = thread::Builder::new()
        .name("blockcopy-ask".to_owned())
        // After that time, the answer goes nowhere.
        .spawn(move || _ = sender.send(question()));
    asked.ok()?;
    receiver.recv_timeout(PATIENCE).ok()
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
