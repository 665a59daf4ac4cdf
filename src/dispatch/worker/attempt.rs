//! One attempt on a worker: fetched, trained, told of, delivered.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tracing::{Instrument, debug};

use super::deliver::{Events, checkpoints_as_written, deliver};
use super::error::WorkerError;
use super::fetch::{FetchError, fetch, trunk_source};
use super::folder::{Folder, Kept};
use super::seat::Seat;
use super::trace::attempt_span;
use crate::exchange::{Exchange, Note, read_json};
use crate::executor::{Asked, Executor, Trainer, ask};
use crate::protocol::Order;
use isoflop_core::run::{AttemptEnd, Device, Launch, TrainerExit, replace_json, write_json};

/// What the tasks of a worker share.
pub(super) struct Worker<E> {
    pub(super) exchange: E,
    pub(super) folder: Folder,
    pub(super) trainer: Trainer,
    /// Two attempts need the same tokens: one at a time fetches.
    pub(super) fetching: Mutex<()>,
    pub(super) note: Note,
}

impl<E> Worker<E> {
    fn say(&self, kept: &Kept, what: &str) {
        debug!("{what}");
        (self.note)(&format!("{}: {what}", kept.offer.held));
    }
}

/// Executes an attempt and delivers what it brought, however long the coordinator is away.
///
/// # Errors
/// What keeps this worker from executing anything.
pub(super) async fn carry_out(
    worker: Arc<Worker<impl Exchange>>,
    kept: Kept,
    seat: Seat,
    ending: watch::Receiver<Asked>,
) -> Result<(), WorkerError> {
    let span = attempt_span(&kept.offer.held);
    execute(&worker, &kept, seat, ending).instrument(span).await
}

async fn execute(
    worker: &Worker<impl Exchange>,
    kept: &Kept,
    seat: Seat,
    ending: watch::Receiver<Asked>,
) -> Result<(), WorkerError> {
    let mut events = Events::new(kept);
    let (asked, hears) = watch::channel(Asked::Nothing);
    // Confirmed before anything is fetched: from here on the coordinator counts on this worker.
    obey(events.beat(&worker.exchange).await?, &asked);
    worker.say(kept, "begun");
    let began = events.began.clone();
    let interval = Duration::from_secs_f64(kept.offer.beat_seconds);
    let end = tokio::select! {
        end = prepare_and_train(worker, kept, seat, hears, &began) => end?,
        refused = beats(worker, &mut events, &asked, interval) => match refused? {},
        never = checkpoints_as_written(&worker.exchange, kept, interval) => match never {},
        never = pass_on(ending, &asked) => match never {},
    };
    write_json(&kept.attempt.end(), &end)?;
    worker.say(kept, &end.words());
    let delivered = deliver(&worker.exchange, kept, end, events).await?;
    kept.forget();
    worker.say(kept, delivered);
    Ok(())
}

/// Delivers an attempt that an earlier process in this folder has kept.
///
/// # Errors
/// What keeps this worker from executing anything.
pub(super) async fn deliver_kept(
    worker: &Worker<impl Exchange>,
    kept: &Kept,
) -> Result<(), WorkerError> {
    let said = read_json(&kept.attempt.end());
    // Its trainer died with the process that attended to it: that is not the run's fault.
    let died = if kept.attempt.outcome().exists() {
        TrainerExit::Outcome
    } else {
        TrainerExit::Preempted
    };
    let end = said.unwrap_or(AttemptEnd::Exit(died as i32));
    write_json(&kept.attempt.end(), &end)?;
    let delivered = deliver(&worker.exchange, kept, end, Events::new(kept)).await?;
    kept.forget();
    let what = format!("kept by an earlier worker in this folder, and {delivered}");
    worker.say(kept, &what);
    Ok(())
}

fn obey(order: Order, asked: &watch::Sender<Asked>) {
    match order {
        Order::GoOn => {}
        Order::Stop => ask(asked, Asked::Stop),
        Order::Forget => ask(asked, Asked::EndNow),
    }
}

async fn beats(
    worker: &Worker<impl Exchange>,
    events: &mut Events,
    asked: &watch::Sender<Asked>,
    interval: Duration,
) -> Result<Infallible, WorkerError> {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        obey(events.beat(&worker.exchange).await?, asked);
    }
}

async fn pass_on(mut ending: watch::Receiver<Asked>, asked: &watch::Sender<Asked>) -> Infallible {
    loop {
        let what = *ending.borrow_and_update();
        ask(asked, what);
        if ending.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn prepare_and_train(
    worker: &Worker<impl Exchange>,
    kept: &Kept,
    seat: Seat,
    mut hears: watch::Receiver<Asked>,
    began: &AtomicBool,
) -> Result<AttemptEnd, WorkerError> {
    let fetched = async {
        let _one_at_a_time = worker.fetching.lock().await;
        fetch(&worker.exchange, &worker.folder, kept).await
    };
    let fetched = tokio::select! {
        fetched = fetched => fetched,
        _ = hears.wait_for(|asked| *asked > Asked::Nothing) => return Ok(AttemptEnd::Exit(TrainerExit::Preempted as i32)),
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
    replace_json(&kept.attempt.launch(), &launch)?;
    began.store(true, Ordering::Relaxed);
    let execution = worker.trainer.begin(&kept.attempt, seat.threads, hears)?;
    debug!(pid = execution.pid, device = %launch.device, "the trainer is started");
    Ok(match execution.end.await.map_err(std::io::Error::other)? {
        // That this machine cannot write is no reason for others to stop.
        AttemptEnd::Exit(code) if code == TrainerExit::CannotWrite as i32 => {
            AttemptEnd::Exit(TrainerExit::Crash as i32)
        }
        end => end,
    })
}

/// What the trainer is given: all its paths are this worker's.
fn launch(folder: &Folder, kept: &Kept, seat: Seat) -> Launch {
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
