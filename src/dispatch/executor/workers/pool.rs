//! Executor for the workers of a sweep.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use tracing::debug;

use super::lease_service::LeaseService;
use super::lease_table::LeaseTable;
use super::server::{WorkerServer, serve};
use crate::exchange::{attempt_key, dropped, make_assignment, read_json, runtime};
use crate::executor::{
    Execution, ExecutionError, Executor, Outage, SpawnError, StopRequest, wait_for_request,
};
use crate::protocol::{AttemptKey, LONGEST_WAIT_SECONDS};
use isoflop_core::run::{AttemptDir, AttemptEnd};
use isoflop_sweep::WorkersExecutor;

/// Time from a request to stop until the attempt is abandoned: enough for the current step, a
/// checkpoint, and its delivery.
const GRACE: Duration = Duration::from_secs(60);

/// Time in which a running worker connects.
const FIRST_CALL: Duration = Duration::from_secs(10);

/// Executor for the workers of a sweep.
#[derive(Debug)]
pub struct WorkerPool {
    service: Arc<LeaseService>,
    settings: WorkersExecutor,
    /// The server, until it is started.
    server: Mutex<Option<WorkerServer>>,
    /// Time at which the server was started.
    opened: Mutex<Option<Instant>>,
    /// Time without a request of any worker after which there is an outage.
    outage_after: Duration,
}

impl WorkerPool {
    /// Makes an executor with a server that is not started yet.
    pub fn new(counter: WorkerServer, settings: &WorkersExecutor) -> Self {
        let lease = settings.lease_seconds.value.seconds();
        let longest_wait = Duration::from_secs_f64(2.0 * LONGEST_WAIT_SECONDS);
        Self {
            service: Arc::new(LeaseService::new(
                counter.sweep.clone(),
                LeaseTable::new(lease),
            )),
            settings: settings.clone(),
            server: Mutex::new(Some(counter)),
            opened: Mutex::default(),
            outage_after: lease.max(longest_wait),
        }
    }

    fn execution(
        &self,
        held: AttemptKey,
        ended: oneshot::Receiver<AttemptEnd>,
        asked: watch::Receiver<StopRequest>,
    ) -> Execution {
        let end = Box::pin(follow(self.service.clone(), held, ended, asked));
        Execution {
            pid: None,
            taken: watch::channel(false).1,
            end,
        }
    }
}

impl Executor for WorkerPool {
    fn begin(
        &self,
        attempt: &AttemptDir,
        _: u32,
        asked: watch::Receiver<StopRequest>,
    ) -> Result<Execution, SpawnError> {
        let beat = self.settings.beat_seconds.value.0;
        let offered = make_assignment(attempt, beat, self.settings.deliver_checkpoints);
        let (offer, blobs) = offered.map_err(SpawnError::of(Path::new("a worker"), attempt))?;
        self.service.offer_blobs(blobs);
        let held = offer.held.clone();
        let ended = self.service.leases.lock().put(attempt.clone(), offer);
        self.service.news.notify_waiters();
        Ok(self.execution(held, ended, asked))
    }

    fn adopt(
        &self,
        attempt: &AttemptDir,
        asked: watch::Receiver<StopRequest>,
    ) -> Option<Execution> {
        let worker = holder(attempt)?;
        let held = dropped(
            attempt_key(attempt),
            "cannot read the launch file of an attempt",
        )?;
        debug!(%held, worker, "leased to a worker by an earlier coordinator");
        let (mut office, now) = (self.service.leases.lock(), Instant::now());
        let ended = office.adopt(held.clone(), attempt.clone(), worker, now);
        Some(self.execution(held, ended, asked))
    }

    /// Starts the server, on its own thread. It must not start before attempts are adopted: a
    /// worker would drop an attempt that the coordinator does not know.
    fn open(&self) {
        let Some(counter) = self.server.lock().take() else {
            return;
        };
        *self.opened.lock() = Some(Instant::now());
        let desk = self.service.clone();
        std::thread::spawn(move || {
            let served = runtime().and_then(|runtime| runtime.block_on(serve(counter, desk)));
            dropped(served, "the server for workers failed")
        });
    }

    fn has_a_queue(&self) -> bool {
        true
    }

    fn outage(&self) -> Option<Outage> {
        let opened = (*self.opened.lock())?;
        match self.service.leases.lock().idle_time(Instant::now()) {
            None => (opened.elapsed() > FIRST_CALL).then_some(Outage::NoWorkerYet),
            Some(silence) => (silence > self.outage_after).then_some(Outage::NoWorkerLeft),
        }
    }
}

/// Name of the worker to which an earlier coordinator leased an attempt.
fn holder(attempt: &AttemptDir) -> Option<String> {
    let note: Value = read_json(&attempt.worker())?;
    Some(note.get("worker")?.as_str()?.to_owned())
}

/// Waits for the end of an attempt, and forwards requests to end it to its worker.
async fn follow(
    desk: Arc<LeaseService>,
    held: AttemptKey,
    mut ended: oneshot::Receiver<AttemptEnd>,
    mut asked: watch::Receiver<StopRequest>,
) -> Result<AttemptEnd, ExecutionError> {
    let over = |end: Result<AttemptEnd, _>| Ok(end.unwrap_or(AttemptEnd::lost(true)));
    tokio::select! {
        end = &mut ended => return over(end),
        () = wait_for_request(&mut asked, StopRequest::Stop) => desk.leases.lock().stop(&held),
    }
    tokio::select! {
        end = &mut ended => return over(end),
        () = tokio::time::sleep(GRACE) => {}
        () = wait_for_request(&mut asked, StopRequest::EndNow) => {}
    }
    // From now on its worker is ordered to drop it.
    desk.leases.lock().end(&held, AttemptEnd::lost(true));
    over(ended.await)
}
