//! How runs and jobs are treated, whichever engine executes them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::error::Fault;
use super::given::given;
use super::{At, Count, Number};

/// How runs are treated, wherever they execute.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Which runs start first; `longest_first` if absent, so that no slot idles long at the end.
    pub order: RunOrder,
    /// Attempts of a run that may crash before it is quarantined; 5 if absent.
    pub max_attempts: At<Count>,
    /// Seconds before a run that crashed is tried again, doubled each time, up to 5 minutes; 1 if absent.
    pub retry_seconds: At<Number>,
    /// Seconds between checkpoints of a run; 300 if absent.
    pub checkpoint_seconds: At<Number>,
    /// Seconds of silence after which a run that has begun is stopped as hung; 300 if absent.
    pub stall_seconds: At<Number>,
    /// Seconds that one attempt at a run may take once it has begun; no limit if absent.
    #[serde(deserialize_with = "given")]
    pub max_run_seconds: Option<At<Number>>,
    /// Room on the disk below which no run is started, bytes; if absent, what checkpoints of the runs side by side can take,
    /// and 100 MB.
    #[serde(deserialize_with = "given")]
    pub disk_reserve_bytes: Option<At<Count>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            order: RunOrder::LongestFirst,
            max_attempts: At::nowhere(Count(5)),
            retry_seconds: At::nowhere(Number(1.0)),
            checkpoint_seconds: At::nowhere(Number(300.0)),
            stall_seconds: At::nowhere(Number(300.0)),
            max_run_seconds: None,
            disk_reserve_bytes: None,
        }
    }
}

/// Which of the runs that wait are started first, by the estimate of their time; priorities go before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOrder {
    /// The dearest.
    LongestFirst,
    /// The cheapest.
    CheapestFirst,
    /// As the sweep lists them.
    AsListed,
}

/// How jobs are followed, by whichever engine with a queue.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QueuePolicy {
    /// Seconds between questions to the engine for its jobs; 10 if absent.
    pub poll_seconds: At<Number>,
    /// Seconds for which the engine may not know a job before it is lost; 60 if absent.
    pub grace_seconds: At<Number>,
}

impl Default for QueuePolicy {
    fn default() -> Self {
        Self {
            poll_seconds: At::nowhere(Number(10.0)),
            grace_seconds: At::nowhere(Number(60.0)),
        }
    }
}

impl Policy {
    pub(super) fn check(&self) -> Result<(), Fault> {
        // Named one by one: a key that is added is not forgotten here.
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
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.poll_seconds.within("`poll_seconds`", 0.05..=3600.0)?;
        self.grace_seconds.within("`grace_seconds`", 0.0..=1e5)?;
        Ok(())
    }
}
