//! How the runs of a sweep stand.

use std::path::Path;

use super::AppError;
use super::sweep::{named, recorded};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::coordinator::SweepLock;
use isoflop_dispatch::store::{Reader, Record, RunEntry, RunState};
use isoflop_sweep::Plan;
use isoflop_table::{RunStatus, collect};

/// How the runs of a sweep stand.
#[derive(Debug)]
pub enum Status {
    /// As its store has it, which a coordinator may be writing to.
    Stored {
        /// The sweep's name.
        sweep: String,
        /// Its results.
        dir: SweepDir,
        /// Its store.
        reader: Reader,
    },
    /// As its results tell by themselves: of an isoflop that had no store, or a committed study.
    Collected {
        /// The sweep's name.
        sweep: String,
        /// Its runs, in the plan's order.
        runs: Vec<RunEntry>,
    },
}

/// Looks how the runs of a sweep stand. `results` is the folder of results.
///
/// # Errors
/// [`AppError`] where there are no results, or the store cannot be read.
pub fn status(sweep: &str, results: &Path) -> Result<Status, AppError> {
    let name = named(sweep)?;
    let dir = SweepDir::new(results, &name);
    if let Some(reader) = Reader::open(&dir)? {
        return Ok(Status::Stored {
            sweep: name,
            dir,
            reader,
        });
    }
    let (dir, plan) = recorded(sweep, results)?;
    Ok(Status::Collected {
        runs: collected(&dir, &plan),
        sweep: plan.name,
    })
}

impl Status {
    /// All runs that the plan asks for, in its order.
    ///
    /// # Errors
    /// [`AppError`] where the store cannot be read.
    pub fn runs(&self) -> Result<Vec<RunEntry>, AppError> {
        match self {
            Self::Stored { reader, .. } => Ok(reader.runs()?),
            Self::Collected { runs, .. } => Ok(runs.clone()),
        }
    }

    /// Who drives the sweep now, if anyone does.
    pub fn coordinator(&self) -> Option<String> {
        match self {
            Self::Stored { dir, .. } => SweepLock::holder(dir),
            Self::Collected { .. } => None,
        }
    }
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
            record: Record {
                state: match row.status {
                    RunStatus::Finished => RunState::Done,
                    RunStatus::Diverged => RunState::Diverged,
                    RunStatus::Missing => RunState::default(),
                },
                attempts: row.attempt.unwrap_or(0),
                ..Record::default()
            },
            changed_at: 0,
        })
        .collect()
}
