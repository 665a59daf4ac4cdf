//! Carrying out what the schedule decides: the store first, then processes and files.

mod active;
mod driver;
mod judge;
mod launch;
mod ledger;
mod trace;

use std::io;
use std::time::Duration;

use super::log::sweep_span;
use super::resume::TakenUp;
use super::schedule::{Facts, Machine, Policy, RunIndex, SlotIndex, State};
use super::trunks::{Branch, with_followers};
use crate::executor::{Engines, Slot, Trouble};
use crate::store::{Failure, Record, StoreError};
use driver::Driver;
use isoflop_core::run::{Event as RunEvent, Outcome, SweepDir};
use isoflop_sweep::{Plan, PlannedRun};
use tracing::Instrument;

/// What the coordinator is told beside the plan.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where attempts execute.
    pub engines: Engines,
    /// Whether to end when the engine has taken what it can be given now: the next coordinator follows it.
    pub detach: bool,
    /// Where runs go.
    pub slots: Vec<Slot>,
    /// The same, with the memory of each device.
    pub machine: Machine,
    /// What is started first, and how often it is tried.
    pub policy: Policy,
    /// Silence after which an attempt is stopped as hung.
    pub stall: Duration,
    /// Time that an attempt may take.
    pub time_limit: Option<Duration>,
    /// Seconds between checkpoints of a run.
    pub checkpoint_seconds: f64,
    /// Room on the disk below which no run is started, bytes.
    pub disk_reserve: u64,
    /// Expected seconds of each run of the plan.
    pub costs: Vec<f64>,
    /// Memory that each run of the plan is expected to hold, bytes.
    pub memory: Vec<u64>,
    /// Where each run of the plan goes on from.
    pub branches: Vec<Option<Branch>>,
}

/// Told what happens, to show it.
pub trait Observer {
    /// A run was started in a slot, or waits for its engine to begin it.
    fn started(&mut self, slot: SlotIndex, run: &PlannedRun, attempt: u32, waits: bool);
    /// A run that waited has begun.
    fn began(&mut self, slot: SlotIndex, run: &PlannedRun);
    /// A running attempt said something new.
    fn advanced(&mut self, slot: SlotIndex, run: &PlannedRun, event: &RunEvent);
    /// An outcome was committed.
    fn committed(&mut self, slot: SlotIndex, run: &PlannedRun, outcome: &Outcome);
    /// An attempt failed; how its run stands since.
    fn failed(&mut self, slot: SlotIndex, run: &PlannedRun, failure: &Failure, record: &Record);
    /// A run that was in no slot changed on the user's wish.
    fn changed(&mut self, run: &PlannedRun, record: &Record);
    /// There is too little room on the disk to start a run, or enough again.
    fn disk(&mut self, room: DiskRoom);
    /// Something keeps an engine, by its name, from its runs; or no more does, and this is what did.
    fn trouble(&mut self, engine: &str, trouble: &Trouble, is_over: bool);
    /// Time passed.
    fn tick(&mut self);
    /// Stopping on the user's wish; `again` if it was wished before, and nothing is waited for any more.
    fn interrupted(&mut self, again: bool);
}

/// Room on the disk that holds the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes below which no run is started.
    pub reserve: u64,
}

impl DiskRoom {
    /// Whether no run is started.
    pub fn is_low(self) -> bool {
        self.free < self.reserve
    }
}

/// How a drive ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How each run of the plan stands.
    pub records: Vec<Record>,
    /// The run that could not write its files, and why: the sweep was stopped.
    pub stopped_by: Option<(RunIndex, Failure)>,
    /// The user stopped it.
    pub interrupted: bool,
    /// It left the runs under way to the engine.
    pub detached: bool,
}

impl Summary {
    /// Runs of the plan with an outcome.
    pub fn done(&self) -> usize {
        self.records
            .iter()
            .filter(|record| record.state.has_outcome())
            .count()
    }
}

/// The coordinator itself cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// No runtime or signal handler.
    #[error("the coordinator cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// Nothing can be written down.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Another wrote to the store.
    #[error(
        "the store no longer says that attempt {attempt} holds run {run}: something else has written to it"
    )]
    Stale {
        /// The run.
        run: String,
        /// The attempt.
        attempt: u32,
    },
}

/// Carries out a plan: every run that waits is trained and committed.
///
/// # Errors
/// [`DriveError`]; what ran was stopped, and left checkpoints. A run's failure is no error: it stands in the summary.
pub fn drive(
    sweep: &SweepDir,
    plan: &Plan,
    taken_up: TakenUp,
    options: Options,
    observer: &mut dyn Observer,
) -> Result<Summary, DriveError> {
    // One thread: a trainer dies with the thread that started it, and this one lives as long as the process.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let TakenUp {
        resumed,
        mut store,
        held,
        ..
    } = taken_up;
    let attempt = |run: RunIndex| resumed.records[run].attempts;
    let leases = held
        .into_iter()
        .map(|(run, fence)| (run, (attempt(run), fence)))
        .collect();
    let state = State::new(
        resumed.records,
        facts(plan, &options),
        options.machine.clone(),
        options.policy,
    );
    let driver = Driver::new(sweep, plan, &mut store, leases, options, observer);
    let driven = driver.run(state).instrument(sweep_span(sweep));
    let summary = runtime.block_on(driven)?;
    store.close()?;
    Ok(summary)
}

fn facts(plan: &Plan, options: &Options) -> Vec<Facts> {
    let worth = with_followers(&options.costs, &options.branches);
    let fact = |(i, run): (usize, &PlannedRun)| Facts {
        worth: worth[i],
        memory: options.memory[i],
        after: options.branches[i].map(|branch| branch.from),
        priority: run.priority,
        splits: launch::split_pass(&run.spec).is_some(),
        // The identity is a hash: as good as random, and the same every time.
        jitter: u64::from_str_radix(run.id.as_str(), 16).unwrap_or(i as u64),
    };
    plan.runs.iter().enumerate().map(fact).collect()
}
