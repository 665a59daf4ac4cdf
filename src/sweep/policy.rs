//! Policies for runs and jobs, on every engine.

use schemars::JsonSchema;
use serde::Deserialize;

use super::error::ValueError;
use super::not_empty::not_empty;
use super::{FiniteNumber, LocatedValue, WholeNumber};

/// Order, retries, checkpoints and limits of runs, on every engine.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunPolicy {
    /// Order in which runs start; `longest_first` if absent, which keeps slots busy at the end of
    /// the sweep.
    pub order: RunOrder,
    /// Attempts that may crash before a run is quarantined; 5 if absent.
    pub max_attempts: LocatedValue<WholeNumber>,
    /// Seconds before a crashed run is retried, doubled with each crash, up to 5 minutes; 1 if
    /// absent.
    pub retry_seconds: LocatedValue<FiniteNumber>,
    /// Seconds between checkpoints of a run; 300 if absent.
    pub checkpoint_seconds: LocatedValue<FiniteNumber>,
    /// Seconds without a step after which an attempt is stopped and retried; 300 if absent.
    pub stall_seconds: LocatedValue<FiniteNumber>,
    /// Time limit of one attempt, from the start of its job, seconds; no limit if absent.
    #[serde(deserialize_with = "not_empty")]
    pub max_run_seconds: Option<LocatedValue<FiniteNumber>>,
    /// Free disk space below which no run starts, bytes; if absent, the space for checkpoints of
    /// all slots, and 100 MB.
    #[serde(deserialize_with = "not_empty")]
    pub disk_reserve_bytes: Option<LocatedValue<WholeNumber>>,
}

impl Default for RunPolicy {
    fn default() -> Self {
        Self {
            order: RunOrder::LongestFirst,
            max_attempts: LocatedValue::without_location(WholeNumber(5)),
            retry_seconds: LocatedValue::without_location(FiniteNumber(1.0)),
            checkpoint_seconds: LocatedValue::without_location(FiniteNumber(300.0)),
            stall_seconds: LocatedValue::without_location(FiniteNumber(300.0)),
            max_run_seconds: None,
            disk_reserve_bytes: None,
        }
    }
}

/// Order in which waiting runs start, by their estimated time, after priorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOrder {
    /// Longest first.
    LongestFirst,
    /// Cheapest first.
    CheapestFirst,
    /// In the order of the sweep file.
    AsListed,
}

/// Polling of engines that have a queue.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QueuePolicy {
    /// Seconds between queries to an engine; 10 if absent.
    pub poll_seconds: LocatedValue<FiniteNumber>,
    /// Seconds after which a job that its engine no longer lists counts as lost; 60 if absent.
    pub grace_seconds: LocatedValue<FiniteNumber>,
}

impl Default for QueuePolicy {
    fn default() -> Self {
        Self {
            poll_seconds: LocatedValue::without_location(FiniteNumber(10.0)),
            grace_seconds: LocatedValue::without_location(FiniteNumber(60.0)),
        }
    }
}

impl RunPolicy {
    pub(super) fn check(&self) -> Result<(), ValueError> {
        // All fields are named, so that a new key is not forgotten here.
        let Self {
            order: _,
            max_attempts,
            retry_seconds,
            checkpoint_seconds,
            stall_seconds,
            max_run_seconds,
            disk_reserve_bytes: _,
        } = self;
        max_attempts.within("`max_attempts`", 1..=100)?;
        retry_seconds.within("`retry_seconds`", 0.0..=300.0)?;
        checkpoint_seconds.within("`checkpoint_seconds`", 0.01..=1e6)?;
        stall_seconds.within("`stall_seconds`", 1.0..=1e6)?;
        if let Some(limit) = max_run_seconds {
            limit.within("`max_run_seconds`", 1.0..=1e8)?;
        }
        Ok(())
    }
}

impl QueuePolicy {
    pub(super) fn check(&self) -> Result<(), ValueError> {
        self.poll_seconds.within("`poll_seconds`", 0.05..=3600.0)?;
        self.grace_seconds.within("`grace_seconds`", 0.0..=1e5)?;
        Ok(())
    }
}
