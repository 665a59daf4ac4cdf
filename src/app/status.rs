//! States of the runs of a sweep.

use std::collections::HashSet;
use std::path::Path;

use super::AppError;
use super::sweep::{recorded_plan, sweep_name};
use isoflop_core::run::{Outcome, SweepDir, TimeSpent};
use isoflop_dispatch::coordinator::{SweepLock, branches, guessed_seconds};
use isoflop_dispatch::store::{RunEntry, RunRecord, RunState, StateCounts, StoreReader};
use isoflop_sweep::Plan;
use isoflop_table::{RunStatus, collect};

/// States of the runs of a sweep.
#[derive(Debug)]
pub enum SweepStatus {
    /// From the store, which a coordinator can be writing to.
    Stored {
        /// The sweep's name.
        sweep: String,
        /// Its results folder.
        dir: SweepDir,
        /// Its store.
        reader: StoreReader,
    },
    /// From the outcomes, if there is no store: results of an old version, or a committed study.
    Collected {
        /// The sweep's name.
        sweep: String,
        /// Its results folder.
        dir: SweepDir,
        /// Its runs, in the plan's order.
        runs: Vec<RunEntry>,
    },
}

/// Reads the states of the runs of a sweep. `results` is the folder of results.
///
/// # Errors
/// [`AppError`] if there are no results, or the store cannot be read.
pub fn status(sweep: &str, results: &Path) -> Result<SweepStatus, AppError> {
    let name = sweep_name(sweep)?;
    let dir = SweepDir::new(results, &name);
    if let Some(reader) = StoreReader::open(&dir)? {
        return Ok(SweepStatus::Stored {
            sweep: name,
            dir,
            reader,
        });
    }
    let (dir, plan) = recorded_plan(sweep, results)?;
    Ok(SweepStatus::Collected {
        runs: collected(&dir, &plan),
        sweep: plan.name,
        dir,
    })
}

impl SweepStatus {
    /// All runs of the plan, in its order.
    ///
    /// # Errors
    /// [`AppError`] if the store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunEntry>, AppError> {
        match self {
            Self::Stored { reader, .. } => Ok(reader.runs()?),
            Self::Collected { runs, .. } => Ok(runs.clone()),
        }
    }

    /// The sweep's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Stored { sweep, .. } | Self::Collected { sweep, .. } => sweep,
        }
    }

    /// Counts the runs of the plan, by state.
    ///
    /// # Errors
    /// [`AppError`] if the store cannot be read.
    pub fn counts(&self) -> Result<StateCounts, AppError> {
        match self {
            Self::Stored { reader, .. } => Ok(reader.counts()?),
            Self::Collected { runs, .. } => Ok(StateCounts::from_iter(names(runs))),
        }
    }

    /// Counts the runs of the plan by arm and state, in the plan's order of arms.
    ///
    /// # Errors
    /// [`AppError`] if the store cannot be read.
    pub fn by_arm(&self) -> Result<Vec<(String, StateCounts)>, AppError> {
        match self {
            Self::Stored { reader, .. } => Ok(reader.by_arm()?),
            Self::Collected { runs, .. } => {
                let arms = runs.chunk_by(|a, b| a.arm == b.arm);
                let count = |runs: &[RunEntry]| StateCounts::from_iter(names(runs));
                Ok(arms
                    .map(|runs| (runs[0].arm.clone(), count(runs)))
                    .collect())
            }
        }
    }

    /// Sums the device time of the outcomes, and estimates the time of the runs that are left.
    /// `None` if no plan can be read.
    ///
    /// # Errors
    /// [`AppError`] if the store cannot be read.
    pub fn device_time(&self) -> Result<Option<DeviceTime>, AppError> {
        let (Self::Stored { dir, .. } | Self::Collected { dir, .. }) = self;
        let Ok(plan) = Plan::read(&dir.plan()) else {
            return Ok(None);
        };
        let runs = self.runs()?;
        let ended = runs.iter().filter(|run| run.record.state.has_ended());
        let ended = ended.map(|run| run.id.as_str()).collect();
        Ok(Some(DeviceTime::new(dir, &plan, &ended)))
    }

    /// Description of the coordinator that drives the sweep now, if there is one.
    pub fn coordinator(&self) -> Option<String> {
        match self {
            Self::Stored { dir, .. } => SweepLock::holder(dir),
            Self::Collected { .. } => None,
        }
    }
}

/// Device time of a sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceTime {
    /// Time of the runs with an outcome, seconds.
    pub spent: f64,
    /// Estimated time of the runs that are left, seconds; `None` before the first outcome.
    pub left: Option<f64>,
}

impl DeviceTime {
    /// The runs that are left take as long, per predicted second, as the runs with an outcome took.
    fn new(dir: &SweepDir, plan: &Plan, ended: &HashSet<&str>) -> Self {
        let (mut spent, mut predicted, mut left) = (0.0, 0.0, 0.0);
        for (run, branch) in plan.runs.iter().zip(branches(plan)) {
            let seconds = guessed_seconds(&run.spec, branch);
            if let Ok(outcome) = Outcome::read_committed(&dir.run(&run.id), &run.id, &run.spec) {
                let TimeSpent {
                    train,
                    eval,
                    checkpoint,
                } = outcome.seconds;
                spent += outcome.startup_seconds + train + eval + checkpoint;
                predicted += seconds;
            } else if !ended.contains(run.id.as_str()) {
                left += seconds;
            }
        }
        let left = (predicted > 0.0).then(|| left * spent / predicted);
        Self { spent, left }
    }
}

fn names(runs: &[RunEntry]) -> impl Iterator<Item = &'static str> {
    runs.iter().map(|run| run.record.state.name())
}

fn collected(dir: &SweepDir, plan: &Plan) -> Vec<RunEntry> {
    collect(dir, plan)
        .runs
        .into_iter()
        .map(|row| RunEntry {
            loss: row.loss(),
            id: row.run_id,
            arm: row.arm,
            size: row.size,
            seed: row.seed,
            budget: row.budget,
            lr_factor: None,
            record: RunRecord {
                state: match row.status {
                    RunStatus::Finished => RunState::Done,
                    RunStatus::Diverged => RunState::Diverged,
                    RunStatus::Missing => RunState::default(),
                },
                attempts: row.attempt.unwrap_or(0),
                ..RunRecord::default()
            },
            changed_at: 0,
        })
        .collect()
}
