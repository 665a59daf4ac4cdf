//! Workers of our own, on machines that share nothing with this one: they call, this side answers. What waits for a worker and who
//! holds what is `office.rs`; docs/workers.md has the order of things.

mod anteroom;
mod certificate;
mod desk;
mod door;
mod files;
mod guest;
mod office;
mod server;
mod tokens;

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::asked::{Asked, heard};
use super::engine::{Execution, ExecutionError, Executor, SpawnError, Trouble};
use crate::exchange::{Terms, held, offer};
use crate::protocol::{Held, LONGEST_WAIT_SECONDS};
pub use certificate::{CertificateError, Identity, Made, make_certificate};
use desk::Desk;
use door::Door;
use isoflop_core::run::{AttemptDir, AttemptEnd};
use office::{Office, lost};
use server::{Shared, serve};

pub use tokens::{Tokens, TokensError, write_secret};

/// From `stop` to the end of patience: time for the step under way, a checkpoint, and its way here.
const GRACE: Duration = Duration::from_secs(60);

/// Time in which a worker that is there will have called.
const FIRST_CALL: Duration = Duration::from_secs(10);

/// How workers are treated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkerTerms {
    /// Time without a word after which an attempt may be given to another worker.
    pub lease: Duration,
    /// Time between two words.
    pub beat: Duration,
    /// Whether checkpoints are delivered as they are written.
    pub deliver_checkpoints: bool,
}

/// Where workers call.
#[derive(Debug)]
pub struct Counter {
    /// What they call at.
    pub listener: TcpListener,
    /// Who this machine is to them; plain HTTP without.
    pub identity: Option<Identity>,
    /// Who they are.
    pub tokens: Tokens,
    /// What the sweep is called.
    pub sweep: String,
}

/// The workers of a sweep.
#[derive(Debug)]
pub struct Workers {
    desk: Arc<Desk>,
    terms: Terms,
    /// What is not served yet.
    counter: Mutex<Option<Counter>>,
    /// Since when workers are answered.
    opened: Mutex<Option<Instant>>,
    /// Longest silence of all workers that is nothing to speak of.
    patience: Duration,
}

impl Workers {
    /// Workers that will call at a counter, once it is opened.
    pub fn new(counter: Counter, terms: WorkerTerms) -> Self {
        let WorkerTerms {
            lease,
            beat,
            deliver_checkpoints,
        } = terms;
        let terms = Terms {
            beat_seconds: beat.as_secs_f64(),
            deliver_checkpoints,
        };
        let patience = lease.max(Duration::from_secs_f64(2.0 * LONGEST_WAIT_SECONDS));
        let desk = Arc::new(Desk::new(Office::new(lease)));
        Self {
            desk,
            terms,
            counter: Mutex::new(Some(counter)),
            opened: Mutex::default(),
            patience,
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
        let (offer, blobs) = offer(attempt, self.terms).map_err(|source| SpawnError {
            program: "a worker".into(),
            attempt: attempt.root().to_owned(),
            source,
        })?;
        self.desk.show(blobs);
        let held = offer.held.clone();
        let ended = self.desk.office().put(attempt.clone(), offer);
        self.desk.news.notify_waiters();
        Ok(self.execution(held, ended, asked))
    }

    fn adopt(&self, attempt: &AttemptDir, asked: watch::Receiver<Asked>) -> Option<Execution> {
        let worker = holder(attempt)?;
        let held = held(attempt).ok()?;
        let ended = self
            .desk
            .office()
            .adopt(held.clone(), attempt.clone(), worker, Instant::now());
        Some(self.execution(held, ended, asked))
    }

    /// Answers from here on, on a thread of its own: a worker that asks for what is not adopted yet would forget it.
    fn open(&self) {
        let counter = self
            .counter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Counter {
            listener,
            identity,
            tokens,
            sweep,
        }) = counter
        else {
            return;
        };
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let (door, shared) = (
            Arc::new(Door::new(tokens)),
            Shared {
                desk: self.desk.clone(),
                sweep: sweep.into(),
            },
        );
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(serve(listener, identity, door, shared))
        });
    }

    fn has_a_queue(&self) -> bool {
        true
    }

    fn trouble(&self) -> Option<Trouble> {
        let opened = (*self.opened.lock().unwrap_or_else(PoisonError::into_inner))?;
        match self.desk.office().silence(Instant::now()) {
            None => (opened.elapsed() > FIRST_CALL).then_some(Trouble::NoWorkerYet),
            Some(silence) => (silence > self.patience).then_some(Trouble::NoWorkerLeft),
        }
    }
}

/// The worker that an earlier coordinator gave an attempt to.
fn holder(attempt: &AttemptDir) -> Option<String> {
    let has: serde_json::Value =
        serde_json::from_slice(&std::fs::read(attempt.worker()).ok()?).ok()?;
    Some(has.get("worker")?.as_str()?.to_owned())
}

/// Waits for the end of an attempt; asks its worker to end it if that is asked for.
async fn follow(
    desk: Arc<Desk>,
    held: Held,
    mut ended: oneshot::Receiver<AttemptEnd>,
    mut asked: watch::Receiver<Asked>,
) -> Result<AttemptEnd, ExecutionError> {
    let over = |end: Result<AttemptEnd, _>| Ok(end.unwrap_or(lost(true)));
    tokio::select! {
        end = &mut ended => return over(end),
        () = heard(&mut asked, Asked::Stop) => desk.office().stop(&held),
    }
    tokio::select! {
        end = &mut ended => return over(end),
        () = tokio::time::sleep(GRACE) => {}
        () = heard(&mut asked, Asked::EndNow) => {}
    }
    // From here on its worker hears that it is to forget it.
    desk.office().end(&held, lost(true));
    over(ended.await)
}
