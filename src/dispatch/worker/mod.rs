//! The worker: it takes runs from a coordinator elsewhere, trains them here, and keeps what they bring until that is acknowledged.
//! It needs outgoing connections alone, and executes nothing but the trainer that lies beside it.

mod attempt;
mod deliver;
mod fetch;
mod folder;
mod job;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::exchange::{Address, AddressError, Client, ExchangeError, Note};
use crate::executor::{Asked, Signals, SpawnError, Trainer, ask, kill_survivors};
use crate::protocol::{ClaimRequest, Hello, LONGEST_WAIT_SECONDS, Offer, Refusal};
use attempt::{Seat, carry_out};
use deliver::{Events, deliver};
use folder::{Folder, Kept};
use isoflop_core::run::{AttemptEnd, TrainerExit, write_json};
pub use job::{Attended, JobAddress, attend};

/// What a worker gives, and to whom.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The coordinator.
    pub address: Address,
    /// The trainer.
    pub trainer: Trainer,
    /// Where it keeps what it has not delivered, and tokens.
    pub folder: PathBuf,
    /// CPU cores that it gives to runs.
    pub cores: u32,
    /// GPUs that it gives to runs.
    pub gpus: u32,
    /// Seconds without a run after which it ends; never without.
    pub idle: Option<Duration>,
}

/// Why a worker ends.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The coordinator cannot be called.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The storage cannot be used.
    #[error("the storage `{0}` cannot be used: {1}")]
    Storage(String, String),
    /// The folder cannot be used.
    #[error("cannot use the folder `{0}`: {1}")]
    Folder(PathBuf, io::Error),
    /// There is no such attempt, or it cannot be read.
    #[error("`{0}` is no launch file: {1}")]
    NoLaunch(PathBuf, io::Error),
    /// The folder of an attempt cannot be written to.
    #[error("cannot write `{0}`: {1}")]
    Unwritable(PathBuf, io::Error),
    /// Another worker uses the folder.
    #[error("another worker uses the folder `{0}`")]
    Locked(PathBuf),
    /// The coordinator will not have it.
    #[error("{}", .0.error)]
    Refused(Refusal),
    /// The trainer cannot be started.
    #[error("{0}")]
    Trainer(#[from] SpawnError),
    /// This machine does not let it work.
    #[error("this machine does not let it work: {0}")]
    Here(io::Error),
    /// Trainers of an earlier process of it are still there.
    #[error("trainers of an earlier worker in this folder cannot be ended: processes {0:?}")]
    Survivors(Vec<i32>),
}

impl From<ExchangeError> for WorkerError {
    fn from(error: ExchangeError) -> Self {
        let refusal = |error: String| {
            Self::Refused(Refusal {
                error,
                hint: "install the same isoflop on both machines".to_owned(),
            })
        };
        match error {
            ExchangeError::Refused(refusal) => Self::Refused(refusal),
            ExchangeError::Here(error) => Self::Here(error),
            ExchangeError::Unanswered(said) => refusal(said),
            ExchangeError::Missing => {
                refusal("the coordinator does not know what it is asked".to_owned())
            }
        }
    }
}

/// What the tasks of a worker share.
struct Worker<E> {
    exchange: E,
    folder: Folder,
    trainer: Trainer,
    fetching: Mutex<()>,
    note: Note,
}

impl<E> Worker<E> {
    fn say(&self, kept: &Kept, what: &str) {
        (self.note)(&format!("{}: {what}", kept.offer.held));
    }
}

/// Works until it is told to end, or has had nothing to do for long enough. What is not delivered then is kept in its folder, and
/// delivered by the next worker that is started on it.
///
/// # Errors
/// [`WorkerError`].
pub fn work(options: WorkerOptions, note: Note) -> Result<(), WorkerError> {
    let folder = Folder::open(&options.folder)?;
    kill_survivors(&folder.runs()).map_err(WorkerError::Survivors)?;
    let worker = Worker {
        exchange: Client::new(&options.address, note)?,
        folder,
        trainer: options.trainer.clone(),
        fetching: Mutex::default(),
        note,
    };
    // One thread: a trainer dies with the thread that started it, and this one lives as long as the process.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(WorkerError::Here)?;
    runtime.block_on(Shift::new(Arc::new(worker), &options).go(&options))
}

/// What a worker has under way.
struct Shift {
    worker: Arc<Worker<Client>>,
    tasks: JoinSet<(Seat, Result<(), WorkerError>)>,
    free: Free,
    ending: watch::Sender<Asked>,
}

/// What of the machine is free.
#[derive(Debug, PartialEq, Eq)]
struct Free {
    cores: u32,
    gpus: Vec<u32>,
}

impl Free {
    fn take(&mut self, offer: &Offer) -> Option<Seat> {
        if offer.threads > self.cores || (offer.gpu && self.gpus.is_empty()) {
            return None;
        }
        self.cores -= offer.threads;
        Some(Seat {
            threads: offer.threads,
            gpu: if offer.gpu { self.gpus.pop() } else { None },
        })
    }

    fn give_back(&mut self, seat: Seat) {
        self.cores += seat.threads;
        self.gpus.extend(seat.gpu);
    }
}

impl Shift {
    fn new(worker: Arc<Worker<Client>>, options: &WorkerOptions) -> Self {
        let free = Free {
            cores: options.cores,
            gpus: (0..options.gpus).rev().collect(),
        };
        Self {
            worker,
            tasks: JoinSet::new(),
            free,
            ending: watch::channel(Asked::Nothing).0,
        }
    }

    async fn go(mut self, options: &WorkerOptions) -> Result<(), WorkerError> {
        let mut signals = Signals::new(&[]).map_err(WorkerError::Here)?;
        self.deliver_kept();
        let hello = Hello {
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
        (worker.note)(&format!(
            "worker `{}` of sweep `{}`",
            welcome.worker, welcome.sweep
        ));
        let result = self.take_runs(options.idle, &mut signals).await;
        if result.is_err() {
            ask(&self.ending, Asked::Stop);
        }
        self.finish(&mut signals).await;
        result
    }

    /// Takes runs while there is room, until it is told to end.
    async fn take_runs(
        &mut self,
        idle: Option<Duration>,
        signals: &mut Signals,
    ) -> Result<(), WorkerError> {
        let mut idle_since = tokio::time::Instant::now();
        let mut claiming = None;
        loop {
            if claiming.is_none() && self.free.cores > 0 {
                let (cores, gpus) = (self.free.cores, self.free.gpus.len() as u32);
                let worker = self.worker.clone();
                // It is not dropped when something else comes first: the answer would be lost.
                claiming = Some(Box::pin(async move {
                    worker
                        .exchange
                        .claim(&ClaimRequest {
                            cores,
                            gpus,
                            wait_seconds: LONGEST_WAIT_SECONDS,
                        })
                        .await
                }));
            }
            let claimed = async {
                match &mut claiming {
                    Some(claiming) => claiming.await,
                    None => std::future::pending().await,
                }
            };
            let is_idle = self.tasks.is_empty();
            let bored = async {
                match idle {
                    Some(idle) if is_idle => tokio::time::sleep_until(idle_since + idle).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                offer = claimed => {
                    claiming = None;
                    if let Some(offer) = offer? {
                        self.start(offer)?;
                    }
                }
                Some(done) = self.tasks.join_next() => {
                    idle_since = tokio::time::Instant::now();
                    self.done(done)?;
                }
                () = bored => return Ok(()),
                () = signals.next() => {
                    ask(&self.ending, Asked::Stop);
                    return Ok(());
                }
            }
        }
    }

    fn start(&mut self, offer: Offer) -> Result<(), WorkerError> {
        if !offer.names_its_spec() {
            let error = format!(
                "the coordinator offers {}, whose spec is another's",
                offer.held
            );
            let hint = "install the same isoflop on both machines".to_owned();
            return Err(WorkerError::Refused(Refusal { error, hint }));
        }
        // More than was asked for: it is not confirmed, and offered to others.
        let Some(seat) = self.free.take(&offer) else {
            return Ok(());
        };
        let kept = self.worker.folder.keep(offer).map_err(WorkerError::Here)?;
        let (worker, ending) = (self.worker.clone(), self.ending.subscribe());
        self.tasks
            .spawn(async move { (seat, carry_out(worker, kept, seat, ending).await) });
        Ok(())
    }

    fn done(
        &mut self,
        done: Result<(Seat, Result<(), WorkerError>), tokio::task::JoinError>,
    ) -> Result<(), WorkerError> {
        let (seat, result) = done.map_err(|e| WorkerError::Here(io::Error::other(e)))?;
        self.free.give_back(seat);
        result
    }

    /// Delivers what an earlier process of this worker has kept.
    fn deliver_kept(&mut self) {
        for kept in self.worker.folder.kept() {
            let worker = self.worker.clone();
            let nothing = Seat {
                threads: 0,
                gpu: None,
            };
            self.tasks
                .spawn(async move { (nothing, deliver_one_kept(&worker, &kept).await) });
        }
    }

    /// Waits for what is under way; a second signal ends that.
    async fn finish(&mut self, signals: &mut Signals) {
        loop {
            tokio::select! {
                done = self.tasks.join_next() => match done {
                    Some(Ok((_, Err(error)))) => (self.worker.note)(&error.to_string()),
                    Some(_) => {}
                    None => return,
                },
                () = signals.next() => {
                    (self.worker.note)("what is not delivered is kept; a worker that is started on the same folder delivers it");
                    return;
                }
            }
        }
    }
}

async fn deliver_one_kept(worker: &Worker<Client>, kept: &Kept) -> Result<(), WorkerError> {
    let said = std::fs::read(kept.attempt.end())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    // Its trainer died with the process that attended to it: that is not the run's fault.
    let died = if kept.attempt.outcome().exists() {
        TrainerExit::Outcome
    } else {
        TrainerExit::Preempted
    };
    let end = said.unwrap_or_else(|| AttemptEnd::exit(died as i32));
    write_json(&kept.attempt.end(), &end).map_err(WorkerError::Here)?;
    let delivered = deliver(&worker.exchange, kept, end, Events::new(kept)).await?;
    kept.forget();
    worker.say(
        kept,
        &format!(
            "kept by an earlier worker in this folder, and {}",
            delivered.words()
        ),
    );
    Ok(())
}

/// This machine's name.
fn host() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
