//! The runs of a sweep.

use serde::{Deserialize, Serialize};

use super::plan_file::runs;
use isoflop_core::run::{RunId, RunSpec};

/// The runs of a sweep.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Plan {
    /// Name of the sweep.
    pub name: String,
    /// The arm that the others are compared with.
    pub baseline: String,
    /// By arm, budget, size and seed, as the file lists them.
    #[serde(deserialize_with = "runs")]
    pub runs: Vec<PlannedRun>,
    /// What the user should know before starting.
    pub notes: Vec<String>,
}

/// One run, with the names it has in this sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRun {
    /// Identity.
    pub id: RunId,
    /// Name of the architecture.
    pub arm: String,
    /// Name of the shape.
    pub size: String,
    /// Factor on the rule's learning rate, where the sweep has an axis of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_factor: Option<f64>,
    /// Larger starts first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: u64,
    /// What decides the result.
    pub spec: RunSpec,
}

fn is_zero(priority: &u64) -> bool {
    *priority == 0
}

impl PlannedRun {
    /// A name for people: `primer_ez d32-l2 1.00e11 FLOPs seed 1`, with `lr x2` where learning rates are tuned.
    pub fn label(&self) -> String {
        let lr = self
            .lr_factor
            .map_or_else(String::new, |factor| format!(" lr x{factor}"));
        format!(
            "{} {} {}{lr} seed {}",
            self.arm, self.size, self.spec.budget, self.spec.seed
        )
    }
}
