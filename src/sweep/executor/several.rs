//! Several engines at once.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Executor, RunOrder, Treatment, defaults};
use crate::check::Check;
use crate::given::given;
use crate::{At, Count, Number, SweepError};

/// Several engines at once on one sweep: this machine and a cluster, say. A run goes to the first that has a seat for it; docs/several.md
/// tells how to choose the seats.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeveralExecutor {
    /// The engines, each as `executor` has it alone, without the keys that stand below for all of them.
    pub engines: At<Vec<At<Executor>>>,
    /// Which runs start first; `longest_first` if absent.
    #[serde(default = "defaults::order")]
    pub order: RunOrder,
    /// Attempts of a run that may crash before it is quarantined; 5 if absent.
    #[serde(default = "defaults::max_attempts")]
    pub max_attempts: At<Count>,
    /// Seconds before a run that crashed is tried again, doubled each time, up to 5 minutes; 1 if absent.
    #[serde(default = "defaults::retry_seconds")]
    pub retry_seconds: At<Number>,
    /// Seconds between checkpoints of a run; 300 if absent.
    #[serde(default = "defaults::checkpoint_seconds")]
    pub checkpoint_seconds: At<Number>,
    /// Seconds of silence after which a run that has begun is stopped as hung; 300 if absent.
    #[serde(default = "defaults::stall_seconds")]
    pub stall_seconds: At<Number>,
    /// Seconds that one attempt at a run may take once it has begun; no limit if absent.
    #[serde(default, deserialize_with = "given")]
    pub max_run_seconds: Option<At<Number>>,
    /// Room on the disk below which no run is started, bytes; if absent, what checkpoints of the runs side by side can take,
    /// and 100 MB.
    #[serde(default, deserialize_with = "given")]
    pub disk_reserve_bytes: Option<At<Count>>,
}

impl Check<'_> {
    pub(super) fn several(&self, several: &SeveralExecutor) -> Result<(), SweepError> {
        let engines = &several.engines;
        self.not_empty(
            "engines",
            engines,
            "list engines, as `- local: {}` and `- slurm: {}`",
        )?;
        for (i, engine) in engines.value.iter().enumerate() {
            self.one_of_several(engine)?;
            let alone = matches!(engine.value, Executor::Local(_) | Executor::Workers(_));
            if alone
                && engines.value[..i]
                    .iter()
                    .any(|earlier| earlier.value.name() == engine.value.name())
            {
                let message = format!("`{}` stands twice among `engines`", engine.value.name());
                return Err(self.at(
                    engine,
                    message,
                    "there is one of it: give it all its seats in one entry",
                ));
            }
        }
        Ok(())
    }

    fn one_of_several(&self, engine: &At<Executor>) -> Result<(), SweepError> {
        if let Executor::Several(_) = engine.value {
            let message = "`several` stands within `several`";
            return Err(self.at(engine, message, "list all engines in one `engines`"));
        }
        if let Some((key, line, column)) = own_treatment(&engine.value.treatment()) {
            let place = if line > 0 {
                At {
                    value: (),
                    line,
                    column,
                }
            } else {
                engine.with(())
            };
            let message = format!(
                "`{key}` stands within one of several engines, and it is the same for all of them"
            );
            return Err(self.at(&place, message, format!("write `{key}` beside `engines`")));
        }
        self.executor(&engine.value)
    }
}

/// A key that treats runs, where an engine has it: its name, line and column (0 where its place is not known).
fn own_treatment(treatment: &Treatment<'_>) -> Option<(&'static str, u64, u64)> {
    fn place<T>(key: &'static str, at: Option<&At<T>>) -> Option<(&'static str, u64, u64)> {
        at.filter(|at| at.line > 0)
            .map(|at| (key, at.line, at.column))
    }
    let order = (treatment.order != defaults::order()).then_some(("order", 0, 0));
    order
        .or_else(|| place("max_attempts", Some(treatment.max_attempts)))
        .or_else(|| place("retry_seconds", Some(treatment.retry_seconds)))
        .or_else(|| place("checkpoint_seconds", Some(treatment.checkpoint_seconds)))
        .or_else(|| place("stall_seconds", Some(treatment.stall_seconds)))
        .or_else(|| place("max_run_seconds", treatment.max_run_seconds))
        .or_else(|| place("disk_reserve_bytes", treatment.disk_reserve_bytes))
}
