//! Batching of calls that arrive at about the same time.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::debug;

/// Time to wait for further items. It is short compared with the wait in a queue.
const WINDOW: Duration = Duration::from_millis(200);

/// Items that wait for the next batch, each with a channel for its result.
#[derive(Debug)]
pub(super) struct CallBatcher<T, R> {
    /// Maximum items of a batch.
    most: usize,
    waiting: Mutex<VecDeque<(T, oneshot::Sender<R>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl<T, R> CallBatcher<T, R> {
    /// Makes a batcher for at most `most` items at a time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Processes an item, in a batch with those that arrive while it waits. `act` returns the
    /// results in the order of the items. `None` if it returned no result for this item.
    pub(super) async fn join<F>(&self, item: T, act: impl Fn(Vec<T>) -> F) -> Option<R>
    where
        F: Future<Output = Vec<R>>,
    {
        let (answer, mut answered) = oneshot::channel();
        self.waiting.lock().push_back((item, answer));
        let _turn = self.turn.lock().await;
        loop {
            match answered.try_recv() {
                Ok(answer) => return Some(answer),
                Err(oneshot::error::TryRecvError::Closed) => return None,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            tokio::time::sleep(WINDOW).await;
            let (items, answers) = self.take();
            for (answer, result) in answers.into_iter().zip(act(items).await) {
                // The caller may have stopped waiting.
                if answer.send(result).is_err() {
                    debug!("no receiver for a result");
                }
            }
        }
    }

    fn take(&self) -> (Vec<T>, Vec<oneshot::Sender<R>>) {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(self.most);
        waiting.drain(..count).unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches that `act` received, with all items added at once, and the results.
    fn dealt(most: usize, count: u32) -> (Vec<Vec<u32>>, Vec<Option<u32>>) {
        let (together, given) = (CallBatcher::new(most), Mutex::new(Vec::new()));
        let act = |items: Vec<u32>| {
            given.lock().push(items.clone());
            std::future::ready(
                items
                    .into_iter()
                    .filter(|item| *item != 7)
                    .map(|item| item * 10)
                    .collect(),
            )
        };
        let runtime = crate::exchange::runtime().unwrap();
        let answers = runtime.block_on(async {
            let mut asked: Vec<_> = (0..count)
                .map(|item| Box::pin(together.join(item, act)))
                .collect();
            let mut answers = vec![None; asked.len()];
            let mut open = asked.len();
            std::future::poll_fn(|context| {
                for (asked, answer) in asked.iter_mut().zip(&mut answers) {
                    if answer.is_none()
                        && let std::task::Poll::Ready(said) = asked.as_mut().poll(context)
                    {
                        *answer = Some(said);
                        open -= 1;
                    }
                }
                if open == 0 {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            })
            .await;
            answers.into_iter().map(Option::unwrap).collect()
        });
        (given.into_inner(), answers)
    }

    #[test]
    fn what_comes_together_is_done_together() {
        let (given, answers) = dealt(3, 7);
        assert_eq!(given, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
        assert_eq!(
            answers,
            (0..7).map(|item| Some(item * 10)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_is_not_answered_is_known() {
        let (_, answers) = dealt(10, 8);
        assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), 1);
    }
}
