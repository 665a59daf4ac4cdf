//! What a drive is told beside the plan.

use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::coordinator::schedule::{Machine, Policy};
use crate::coordinator::trunks::Branch;
use crate::executor::{Engines, Slot};
use isoflop_core::run::{Outcome, RunId};

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
    /// Hears of each outcome when it is committed.
    pub outcomes: Sender<(RunId, Outcome)>,
}
