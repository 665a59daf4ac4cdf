//! A worker's process: it claims runs while it has room, until it is told to end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, debug};

use super::attempt::{Worker, carry_out, deliver_kept};
use super::error::WorkerError;
use super::folder::Folder;
use super::host::host;
use super::seat::{Free, Seat};
use super::trace::attempt_span;
use crate::exchange::{Address, Client, Note, runtime};
use crate::executor::{Asked, Signals, Trainer, ask, kill_survivors};
use crate::protocol::{Hello, Offer, Welcome};

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
    let shift = Shift {
        worker: Arc::new(worker),
        tasks: JoinSet::new(),
        free: Free::new(options.cores, options.gpus),
        ending: watch::channel(Asked::Nothing).0,
    };
    // One thread: a trainer dies with the thread that started it, and this one lives as long as the process.
    runtime()?.block_on(shift.go(&options))
}

/// What a worker has under way.
struct Shift {
    worker: Arc<Worker<Client>>,
    tasks: JoinSet<(Seat, Result<(), WorkerError>)>,
    free: Free,
    ending: watch::Sender<Asked>,
}

impl Shift {
    async fn go(mut self, options: &WorkerOptions) -> Result<(), WorkerError> {
        let mut signals = Signals::new(&[])?;
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
        let Welcome {
            worker: name,
            sweep,
            ..
        } = welcome;
        (worker.note)(&format!("worker `{name}` of sweep `{sweep}`"));
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
        let (mut idle_since, mut claiming) = (Instant::now(), None);
        loop {
            if claiming.is_none() {
                let (worker, request) = (self.worker.clone(), self.free.request());
                // It is not dropped when something else comes first: the answer would be lost.
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
                    ask(&self.ending, Asked::Stop);
                    return Ok(());
                }
            }
        }
    }

    fn start(&mut self, offer: Offer) -> Result<(), WorkerError> {
        let held = &offer.held;
        if !offer.names_its_spec() {
            return Err(WorkerError::other_isoflop(format!(
                "the coordinator offers {held}, whose spec is another's"
            )));
        }
        // More than was asked for: it is not confirmed, and offered to others.
        let Some(seat) = self.free.take(&offer) else {
            debug!(%held, threads = offer.threads, gpu = offer.gpu, "passed over: there is no room for it");
            return Ok(());
        };
        debug!(%held, ?seat, "claimed");
        let kept = self.worker.folder.keep(offer)?;
        let (worker, ending) = (self.worker.clone(), self.ending.subscribe());
        self.tasks
            .spawn(async move { (seat, carry_out(worker, kept, seat, ending).await) });
        Ok(())
    }

    /// Delivers what an earlier process of this worker has kept.
    fn deliver_kept(&mut self) {
        for kept in self.worker.folder.kept() {
            let worker = self.worker.clone();
            let span = attempt_span(&kept.offer.held);
            let delivery = async move { (Seat::default(), deliver_kept(&worker, &kept).await) };
            self.tasks.spawn(delivery.instrument(span));
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
