//! Execution of one attempt on a worker: fetch, train, report, deliver.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tracing::{Instrument, debug};

use super::deliver::{EventDelivery, checkpoints_as_written, deliver};
use super::error::WorkerError;
use super::fetch::{FetchError, fetch, trunk_source};
use super::folder::{KeptAttempt, WorkerFolder};
use super::slot_share::SlotShare;
use super::trace::attempt_span;
use crate::exchange::{AttemptExchange, Note, read_json};
use crate::executor::{Executor, StopRequest, TrainerProgram, raise_request};
use crate::protocol::AttemptOrder;
use isoflop_core::run::{AttemptEnd, Device, Launch, TrainerExit, write_json, write_json_unsynced};

/// Shared state of a worker's tasks.
pub(super) struct WorkerContext<E> {
    pub(super) exchange: E,
    pub(super) folder: WorkerFolder,
    pub(super) trainer: TrainerProgram,
    /// Locked while an attempt fetches its files. Attempts share tokens, which are fetched once.
    pub(super) fetching: Mutex<()>,
    pub(super) note: Note,
}

impl<E> WorkerContext<E> {
    fn say(&self, kept: &KeptAttempt, what: &str) {
        debug!("{what}");
        (self.note)(&format!("{}: {what}", kept.offer.held));
    }
}

/// Executes an attempt and delivers its results, however long the coordinator is away.
///
/// # Errors
/// Errors that end the worker.
pub(super) async fn execute_attempt(
    worker: Arc<WorkerContext<impl AttemptExchange>>,
    kept: KeptAttempt,
    seat: SlotShare,
    ending: watch::Receiver<StopRequest>,
) -> Result<(), WorkerError> {
    let span = attempt_span(&kept.offer.held);
    execute(&worker, &kept, seat, ending).instrument(span).await
}

async fn execute(
    worker: &WorkerContext<impl AttemptExchange>,
    kept: &KeptAttempt,
    seat: SlotShare,
    ending: watch::Receiver<StopRequest>,
) -> Result<(), WorkerError> {
    let mut events = EventDelivery::new(kept);
    let (asked, hears) = watch::channel(StopRequest::Nothing);
    // Confirm the claim before fetching: from now on the coordinator relies on this worker.
    apply_order(events.beat(&worker.exchange).await?, &asked);
    worker.say(kept, "started");
    let began = events.began.clone();
    let interval = Duration::from_secs_f64(kept.offer.beat_seconds);
    let end = tokio::select! {
        end = prepare_and_train(worker, kept, seat, hears, &began) => end?,
        refused = beats(worker, &mut events, &asked, interval) => match refused? {},
        never = checkpoints_as_written(&worker.exchange, kept, interval) => match never {},
        never = forward_requests(ending, &asked) => match never {},
    };
    write_json(&kept.attempt.end(), &end)?;
    worker.say(kept, &end.message());
    let delivered = deliver(&worker.exchange, kept, end, events).await?;
    kept.forget();
    worker.say(kept, delivered);
    Ok(())
}

/// Delivers an attempt that an earlier worker process left in this folder.
///
/// # Errors
/// Errors that end the worker.
pub(super) async fn deliver_kept(
    worker: &WorkerContext<impl AttemptExchange>,
    kept: &KeptAttempt,
) -> Result<(), WorkerError> {
    let said = read_json(&kept.attempt.end());
    // The trainer was killed with its worker process. That does not count as a failure of the run.
    let died = if kept.attempt.outcome().exists() {
        TrainerExit::Outcome
    } else {
        TrainerExit::Preempted
    };
    let end = said.unwrap_or(AttemptEnd::Exit(died as i32));
    write_json(&kept.attempt.end(), &end)?;
    let delivered = deliver(&worker.exchange, kept, end, EventDelivery::new(kept)).await?;
    kept.forget();
    let what = format!("left by an earlier worker in this folder: {delivered}");
    worker.say(kept, &what);
    Ok(())
}

fn apply_order(order: AttemptOrder, asked: &watch::Sender<StopRequest>) {
    match order {
        AttemptOrder::GoOn => {}
        AttemptOrder::Stop => raise_request(asked, StopRequest::Stop),
        AttemptOrder::Forget => raise_request(asked, StopRequest::EndNow),
    }
}

async fn beats(
    worker: &WorkerContext<impl AttemptExchange>,
    events: &mut EventDelivery,
    asked: &watch::Sender<StopRequest>,
    interval: Duration,
) -> Result<Infallible, WorkerError> {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        apply_order(events.beat(&worker.exchange).await?, asked);
    }
}

async fn forward_requests(
    mut ending: watch::Receiver<StopRequest>,
    asked: &watch::Sender<StopRequest>,
) -> Infallible {
    loop {
        let what = *ending.borrow_and_update();
        raise_request(asked, what);
        if ending.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn prepare_and_train(
    worker: &WorkerContext<impl AttemptExchange>,
    kept: &KeptAttempt,
    seat: SlotShare,
    mut hears: watch::Receiver<StopRequest>,
    began: &AtomicBool,
) -> Result<AttemptEnd, WorkerError> {
    let fetched = async {
        let _one_at_a_time = worker.fetching.lock().await;
        fetch(&worker.exchange, &worker.folder, kept).await
    };
    let fetched = tokio::select! {
        fetched = fetched => fetched,
        _ = hears.wait_for(|asked| *asked > StopRequest::Nothing) => return Ok(AttemptEnd::Exit(TrainerExit::Preempted as i32)),
    };
    match fetched {
        Ok(()) => {}
        Err(FetchError::Exchange(error)) => return Err(error.into()),
        Err(error @ FetchError::Digest(_)) => {
            std::fs::write(kept.attempt.log(), format!("error: {error}\n"))?;
            return Ok(AttemptEnd::Exit(TrainerExit::Crash as i32));
        }
    }
    let launch = launch(&worker.folder, kept, seat);
    write_json_unsynced(&kept.attempt.launch(), &launch)?;
    began.store(true, Ordering::Relaxed);
    let execution = worker.trainer.begin(&kept.attempt, seat.threads, hears)?;
    debug!(pid = execution.pid, device = %launch.device, "trainer process started");
    Ok(match execution.end.await.map_err(std::io::Error::other)? {
        // A worker that cannot write must not stop the sweep, so this counts as a crash.
        AttemptEnd::Exit(code) if code == TrainerExit::CannotWrite as i32 => {
            AttemptEnd::Exit(TrainerExit::Crash as i32)
        }
        end => end,
    })
}

/// Makes the trainer's launch file, with paths of this worker.
fn launch(folder: &WorkerFolder, kept: &KeptAttempt, seat: SlotShare) -> Launch {
    let offer = &kept.offer;
    Launch {
        run: offer.held.run.clone(),
        attempt: offer.held.attempt,
        fence: offer.held.fence.clone(),
        parent_pid: Some(std::process::id()),
        train: folder.tokens(&offer.train),
        validation: folder.tokens(&offer.validation),
        device: seat.gpu.map_or(Device::Cpu, Device::Cuda),
        threads: seat.threads,
        run_folder: kept.run.root().to_owned(),
        checkpoint_seconds: offer.checkpoint_seconds,
        take_trunk: offer.trunk.as_ref().map(|_| trunk_source(kept)),
        keep_trunk: offer.keep_trunk,
        memory_bytes_estimate: offer.memory_bytes_estimate,
        split_for_memory: offer.split_for_memory,
        spec: offer.spec.clone(),
    }
}
