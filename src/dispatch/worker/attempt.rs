//! One attempt on a worker: fetched, trained, told of, delivered.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::deliver::{Events, checkpoints_as_written, deliver};
use super::fetch::{FetchError, fetch, trunk_source};
use super::folder::{Folder, Kept};
use super::{Worker, WorkerError};
use crate::exchange::Exchange;
use crate::executor::{Asked, ExecutionError, Executor, ask};
use crate::protocol::Order;
use isoflop_core::run::{AttemptEnd, Device, Launch, TrainerExit, replace_json, write_json};

/// The part of the machine that an attempt has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) threads: u32,
    /// The GPU by its index.
    pub(super) gpu: Option<u32>,
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
    let mut events = Events::new(&kept);
    let (asked, hears) = watch::channel(Asked::Nothing);
    // Confirmed before anything is fetched: from here on the coordinator counts on this worker.
    obey(events.beat(&worker.exchange).await?, &asked);
    worker.say(&kept, "begun");
    let began = events.began();
    let interval = Duration::from_secs_f64(kept.offer.beat_seconds);
    let end = tokio::select! {
        end = prepare_and_train(&worker, &kept, seat, hears, &began) => end?,
        refused = beats(&worker, &mut events, &asked, interval) => match refused? {},
        never = checkpoints_as_written(&worker.exchange, &kept, interval) => match never {},
        never = pass_on(ending, &asked) => match never {},
    };
    write_json(&kept.attempt.end(), &end).map_err(WorkerError::Here)?;
    worker.say(&kept, &end.words());
    let delivered = deliver(&worker.exchange, &kept, end, events).await?;
    kept.forget();
    worker.say(&kept, delivered.words());
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
        // One at a time: two attempts need the same tokens.
        let _one_at_a_time = worker.fetching.lock().await;
        fetch(&worker.exchange, &worker.folder, kept).await
    };
    let fetched = tokio::select! {
        fetched = fetched => fetched,
        _ = hears.wait_for(|asked| *asked > Asked::Nothing) => return Ok(AttemptEnd::exit(TrainerExit::Preempted as i32)),
    };
    match fetched {
        Ok(()) => {}
        Err(FetchError::Call(error)) => return Err(error.into()),
        Err(FetchError::Io(error)) => return Err(WorkerError::Here(error)),
        Err(FetchError::Digest(digest)) => {
            let log =
                format!("error: what the coordinator sends for {digest} has another digest\n");
            std::fs::write(kept.attempt.log(), log).map_err(WorkerError::Here)?;
            return Ok(AttemptEnd::exit(TrainerExit::Crash as i32));
        }
    }
    replace_json(&kept.attempt.launch(), &launch(&worker.folder, kept, seat))
        .map_err(WorkerError::Here)?;
    began.store(true, Ordering::Relaxed);
    let execution = worker.trainer.begin(&kept.attempt, seat.threads, hears)?;
    match execution.end.await {
        // That this machine cannot write is no reason for others to stop.
        Ok(AttemptEnd::Exit(TrainerExit::CannotWrite, _)) => {
            Ok(AttemptEnd::exit(TrainerExit::Crash as i32))
        }
        Ok(end) => Ok(end),
        Err(ExecutionError::Wait(error) | ExecutionError::Unwritable(_, error)) => {
            Err(WorkerError::Here(error))
        }
        Err(error) => Err(WorkerError::Here(std::io::Error::other(error.to_string()))),
    }
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
