//! Collecting the results of the pieces of a batch, which end on different threads and in any order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blockcopy_blockio::Slot;

use crate::threads::guard;
use crate::{Done, Error};

type Parts<T> = Vec<Option<Vec<T>>>;

struct State<T> {
    parts: Parts<T>,
    missing: usize,
    /// First failure so far in the order of the batch, with the index of its piece.
    failure: Option<(usize, Error)>,
    done: Option<Box<dyn Done<Vec<T>>>>,
}

/// Results of the pieces of one batch, in order. Calls `done` once, when the last piece has ended.
pub(crate) struct Gather<T>(Mutex<State<T>>);

impl<T: Send + 'static> Gather<T> {
    /// Prepares for `pieces` results. If there are none, calls `done` at once.
    pub(crate) fn new(pieces: usize, done: impl Done<Vec<T>>) -> Arc<Self> {
        let mut state = State {
            parts: (0..pieces).map(|_| None).collect(),
            missing: pieces,
            failure: None,
            done: None,
        };
        if pieces == 0 {
            done(Ok(Vec::new()));
        } else {
            state.done = Some(Box::new(done));
        }
        Arc::new(Self(Mutex::new(state)))
    }

    /// Returns true if a piece before this one has failed, so that this one can be skipped. Pieces before the failed one cannot: if
    /// they fail too, their offset is the one to report.
    pub(crate) fn is_void(&self, index: usize) -> bool {
        self.lock()
            .failure
            .as_ref()
            .is_some_and(|(failed, _)| *failed < index)
    }

    /// Runs `work` for piece `index` and records its result; a panic becomes an error.
    ///
    /// `work` must own its part of the slot: it is dropped before the result is recorded, so the slot is free when `done` is called.
    pub(crate) fn finish(&self, index: usize, work: impl FnOnce() -> Result<Vec<T>, Error>) {
        let result = guard(work);
        let mut state = self.lock();
        match result {
            Ok(part) => state.parts[index] = Some(part),
            Err(error) => {
                if state
                    .failure
                    .as_ref()
                    .is_none_or(|(failed, _)| index < *failed)
                {
                    state.failure = Some((index, error));
                }
            }
        }
        state.missing -= 1;
        if state.missing > 0 {
            return;
        }
        let outcome = match state.failure.take() {
            Some((_, error)) => Err(error),
            None => Ok(std::mem::take(&mut state.parts)
                .into_iter()
                .flatten()
                .flatten()
                .collect()),
        };
        let done = state.done.take();
        drop(state);
        if let Some(done) = done {
            done(outcome);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while it holds the lock, and the state would still be consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Releases `slot` and passes `error` to `done`.
pub(crate) fn refuse<T>(slot: Slot, error: Error, done: impl Done<T>) {
    drop(slot);
    done(Err(error));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_first_failure_in_the_order_of_the_pieces_is_reported() {
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let (sender, receiver) = mpsc::channel();
            let gather = Gather::<u8>::new(3, move |outcome| sender.send(outcome).unwrap());
            for index in order {
                gather.finish(index, || match index {
                    0 => Ok(vec![0]),
                    _ => Err(Error::WrongDigest {
                        position: index as u64,
                    }),
                });
            }
            let error = receiver.recv().unwrap().unwrap_err();
            assert_eq!(error.offset(), Some(1), "{order:?}");
        }
    }

    #[test]
    fn only_pieces_after_a_failed_one_are_skipped() {
        let gather = Gather::<u8>::new(3, |_| ());
        assert!((0..3).all(|index| !gather.is_void(index)));
        gather.finish(1, || Err(Error::WrongDigest { position: 1 }));
        assert_eq!(
            [0, 1, 2].map(|index| gather.is_void(index)),
            [false, false, true]
        );
    }
}
