//! What is asked for at about the same time is done together.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::debug;

/// How long others are waited for: as little as nobody notices, in front of a queue.
const WINDOW: Duration = Duration::from_millis(200);

/// Items that wait to be dealt with, each with a place for its answer.
#[derive(Debug)]
pub(super) struct Together<T, R> {
    /// Most items at a time.
    most: usize,
    waiting: Mutex<VecDeque<(T, oneshot::Sender<R>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl<T, R> Together<T, R> {
    /// At most so many at a time.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Has an item dealt with, together with those that come while it waits: `act` answers each, in their order. Nothing if it did
    /// not answer this one.
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
                // Who asked may have gone.
                if answer.send(result).is_err() {
                    debug!("an answer that nobody waits for");
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

    /// What `act` was given, with everything asked for at once.
    fn dealt(most: usize, count: u32) -> (Vec<Vec<u32>>, Vec<Option<u32>>) {
        let (together, given) = (Together::new(most), Mutex::new(Vec::new()));
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
