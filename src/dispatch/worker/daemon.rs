//! The worker process: claims runs while it has free cores, until it is stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, debug};

use super::attempt::{WorkerContext, deliver_kept, execute_attempt};
use super::error::WorkerError;
use super::folder::WorkerFolder;
use super::host::host;
use super::slot_share::{FreeResources, SlotShare};
use super::trace::attempt_span;
use crate::exchange::{CoordinatorAddress, CoordinatorClient, Note, runtime};
use crate::executor::{Signals, StopRequest, TrainerProgram, kill_survivors, raise_request};
use crate::protocol::{Assignment, HandshakeRequest, HandshakeResponse};

/// Options of a worker.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Address of the coordinator.
    pub address: CoordinatorAddress,
    /// The trainer program.
    pub trainer: TrainerProgram,
    /// Folder of undelivered attempts and of tokens.
    pub folder: PathBuf,
    /// CPU cores for runs.
    pub cores: u32,
    /// GPUs for runs.
    pub gpus: u32,
    /// Time without a run after which the worker exits. `None`: it never does.
    pub idle: Option<Duration>,
}

/// Runs a worker until a signal stops it or it has been idle for long enough. Undelivered attempts
/// stay in its folder. The next worker that is started on the folder delivers them.
///
/// # Errors
/// [`WorkerError`].
pub fn work(options: WorkerOptions, note: Note) -> Result<(), WorkerError> {
    let folder = WorkerFolder::open(&options.folder)?;
    kill_survivors(&folder.runs()).map_err(WorkerError::Survivors)?;
    let worker = WorkerContext {
        exchange: CoordinatorClient::new(&options.address, note)?,
        folder,
        trainer: options.trainer.clone(),
        fetching: Mutex::default(),
        note,
    };
    let shift = WorkerTasks {
        worker: Arc::new(worker),
        tasks: JoinSet::new(),
        free: FreeResources::new(options.cores, options.gpus),
        ending: watch::channel(StopRequest::Nothing).0,
    };
    // The kernel kills a trainer when the thread that started it ends. With a single-threaded
    // runtime, that is the main thread.
    runtime()?.block_on(shift.run(&options))
}

/// Running tasks of a worker, and its free resources.
struct WorkerTasks {
    worker: Arc<WorkerContext<CoordinatorClient>>,
    tasks: JoinSet<(SlotShare, Result<(), WorkerError>)>,
    free: FreeResources,
    ending: watch::Sender<StopRequest>,
}

impl WorkerTasks {
    async fn run(mut self, options: &WorkerOptions) -> Result<(), WorkerError> {
        let mut signals = Signals::new(&[])?;
        self.deliver_kept();
        let hello = HandshakeRequest {
            isoflop: env!("CARGO_PKG_VERSION").to_owned(),
            host: host(),
            cores: options.cores,
            gpus: options.gpus,
        };
        let worker = self.worker.clone();
        let welcome = tokio::select! {
            welcome = worker.exchange.hello(&hello) => welcome?,
            () = signals.next() => return Ok(()),
        };
        let HandshakeResponse {
            worker: name,
            sweep,
            ..
        } = welcome;
        (worker.note)(&format!("connected as worker `{name}` of sweep `{sweep}`"));
        let result = self.take_runs(options.idle, &mut signals).await;
        if result.is_err() {
            raise_request(&self.ending, StopRequest::Stop);
        }
        self.finish(&mut signals).await;
        result
    }

    /// Claims runs while there are free cores, until a signal or the idle limit.
    async fn take_runs(
        &mut self,
        idle: Option<Duration>,
        signals: &mut Signals,
    ) -> Result<(), WorkerError> {
        let (mut idle_since, mut claiming) = (Instant::now(), None);
        loop {
            if claiming.is_none() {
                let (worker, request) = (self.worker.clone(), self.free.request());
                // Kept when another branch completes first. Otherwise the response would be lost.
                claiming = request
                    .map(|request| Box::pin(async move { worker.exchange.claim(&request).await }));
            }
            let is_idle = self.tasks.is_empty();
            let bored = async {
                sleep_until(idle_since + idle.filter(|_| is_idle)?).await;
                Some(())
            };
            tokio::select! {
                Some(offer) = async { Some(claiming.as_mut()?.await) } => {
                    claiming = None;
                    if let Some(offer) = offer? {
                        self.start(offer)?;
                    }
                }
                Some(done) = self.tasks.join_next() => {
                    idle_since = Instant::now();
                    let (seat, result) = done.map_err(std::io::Error::from)?;
                    self.free.give_back(seat);
                    result?;
                }
                Some(()) = bored => return Ok(()),
                () = signals.next() => {
                    raise_request(&self.ending, StopRequest::Stop);
                    return Ok(());
                }
            }
        }
    }

    fn start(&mut self, offer: Assignment) -> Result<(), WorkerError> {
        let held = &offer.held;
        if !offer.names_its_spec() {
            return Err(WorkerError::other_isoflop(format!(
                "the coordinator assigned {held} with a spec that does not match the run"
            )));
        }
        // More than was requested. Without a confirmation, the coordinator assigns it again.
        let Some(seat) = self.free.take(&offer) else {
            debug!(%held, threads = offer.threads, gpu = offer.gpu, "assignment ignored: not enough free cores or GPUs");
            return Ok(());
        };
        debug!(%held, ?seat, "claimed");
        let kept = self.worker.folder.keep(offer)?;
        let (worker, ending) = (self.worker.clone(), self.ending.subscribe());
        self.tasks
            .spawn(async move { (seat, execute_attempt(worker, kept, seat, ending).await) });
        Ok(())
    }

    /// Delivers attempts that an earlier process of this worker left.
    fn deliver_kept(&mut self) {
        for kept in self.worker.folder.kept() {
            let worker = self.worker.clone();
            let span = attempt_span(&kept.offer.held);
            let delivery =
                async move { (SlotShare::default(), deliver_kept(&worker, &kept).await) };
            self.tasks.spawn(delivery.instrument(span));
        }
    }

    /// Waits for the running tasks. Another signal ends the wait.
    async fn finish(&mut self, signals: &mut Signals) {
        loop {
            tokio::select! {
                done = self.tasks.join_next() => match done {
                    Some(Ok((_, Err(error)))) => (self.worker.note)(&error.to_string()),
                    Some(_) => {}
                    None => return,
                },
                () = signals.next() => {
                    (self.worker.note)("undelivered attempts are kept: start a worker on the same folder to deliver them");
                    return;
                }
            }
        }
    }
}
