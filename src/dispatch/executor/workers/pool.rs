//! The workers of a sweep, as the coordinator has them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use tracing::debug;

use super::desk::Desk;
use super::office::Office;
use super::server::{Counter, serve};
use crate::exchange::{dropped, held, offer, read_json, runtime};
use crate::executor::{Asked, Execution, ExecutionError, Executor, SpawnError, Trouble, heard};
use crate::protocol::{Held, LONGEST_WAIT_SECONDS};
use isoflop_core::run::{AttemptDir, AttemptEnd};
use isoflop_sweep::WorkersExecutor;

/// From `stop` to the end of patience: time for the step under way, a checkpoint, and its way here.
const GRACE: Duration = Duration::from_secs(60);

/// Time in which a worker that is there will have called.
const FIRST_CALL: Duration = Duration::from_secs(10);

/// The workers of a sweep.
#[derive(Debug)]
pub struct Workers {
    desk: Arc<Desk>,
    settings: WorkersExecutor,
    /// What is not served yet.
    counter: Mutex<Option<Counter>>,
    /// Since when workers are answered.
    opened: Mutex<Option<Instant>>,
    /// Longest silence of all workers that is nothing to speak of.
    patience: Duration,
}

impl Workers {
    /// Workers that will call at a counter, once it is opened.
    pub fn new(counter: Counter, settings: &WorkersExecutor) -> Self {
        let lease = settings.lease_seconds.value.seconds();
        let longest_wait = Duration::from_secs_f64(2.0 * LONGEST_WAIT_SECONDS);
        Self {
            desk: Arc::new(Desk::new(counter.sweep.clone(), Office::new(lease))),
            settings: settings.clone(),
            counter: Mutex::new(Some(counter)),
            opened: Mutex::default(),
            patience: lease.max(longest_wait),
        }
    }

    fn execution(
        &self,
        held: Held,
        ended: oneshot::Receiver<AttemptEnd>,
        asked: watch::Receiver<Asked>,
    ) -> Execution {
        let end = Box::pin(follow(self.desk.clone(), held, ended, asked));
        Execution {
            pid: None,
            taken: watch::channel(false).1,
            end,
        }
    }
}

impl Executor for Workers {
    fn begin(
        &self,
        attempt: &AttemptDir,
        _: u32,
        asked: watch::Receiver<Asked>,
    ) -> Result<Execution, SpawnError> {
        let beat = self.settings.beat_seconds.value.0;
        let offered = offer(attempt, beat, self.settings.deliver_checkpoints);
        let (offer, blobs) = offered.map_err(SpawnError::of(Path::new("a worker"), attempt))?;
        self.desk.show(blobs);
        let held = offer.held.clone();
        let ended = self.desk.office.lock().put(attempt.clone(), offer);
        self.desk.news.notify_waiters();
        Ok(self.execution(held, ended, asked))
    }

    fn adopt(&self, attempt: &AttemptDir, asked: watch::Receiver<Asked>) -> Option<Execution> {
        let worker = holder(attempt)?;
        let held = dropped(held(attempt), "its launch file was not read")?;
        debug!(%held, worker, "it is with the worker that an earlier coordinator gave it to");
        let (mut office, now) = (self.desk.office.lock(), Instant::now());
        let ended = office.adopt(held.clone(), attempt.clone(), worker, now);
        Some(self.execution(held, ended, asked))
    }

    /// Answers from here on, on a thread of its own: a worker that asks for what is not adopted yet would forget it.
    fn open(&self) {
        let Some(counter) = self.counter.lock().take() else {
            return;
        };
        *self.opened.lock() = Some(Instant::now());
        let desk = self.desk.clone();
        std::thread::spawn(move || {
            let served = runtime().and_then(|runtime| runtime.block_on(serve(counter, desk)));
            dropped(served, "workers are not answered any more")
        });
    }

    fn has_a_queue(&self) -> bool {
        true
    }

    fn trouble(&self) -> Option<Trouble> {
        let opened = (*self.opened.lock())?;
        match self.desk.office.lock().silence(Instant::now()) {
            None => (opened.elapsed() > FIRST_CALL).then_some(Trouble::NoWorkerYet),
            Some(silence) => (silence > self.patience).then_some(Trouble::NoWorkerLeft),
        }
    }
}

/// The worker that an earlier coordinator gave an attempt to.
fn holder(attempt: &AttemptDir) -> Option<String> {
    let note: Value = read_json(&attempt.worker())?;
    Some(note.get("worker")?.as_str()?.to_owned())
}

/// Waits for the end of an attempt; asks its worker to end it if that is asked for.
async fn follow(
    desk: Arc<Desk>,
    held: Held,
    mut ended: oneshot::Receiver<AttemptEnd>,
    mut asked: watch::Receiver<Asked>,
) -> Result<AttemptEnd, ExecutionError> {
    let over = |end: Result<AttemptEnd, _>| Ok(end.unwrap_or(AttemptEnd::lost(true)));
    tokio::select! {
        end = &mut ended => return over(end),
        () = heard(&mut asked, Asked::Stop) => desk.office.lock().stop(&held),
    }
    tokio::select! {
        end = &mut ended => return over(end),
        () = tokio::time::sleep(GRACE) => {}
        () = heard(&mut asked, Asked::EndNow) => {}
    }
    // From here on its worker hears that it is to forget it.
    desk.office.lock().end(&held, AttemptEnd::lost(true));
    over(ended.await)
}
