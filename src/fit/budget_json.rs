//! A budget as it stands in JSON.

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// The value alone, where every budget is in FLOPs.
pub(super) fn value<S: Serializer>(budget: &Budget, to: S) -> Result<S::Ok, S::Error> {
    budget.value().serialize(to)
}

/// The value beside its unit.
pub(super) fn in_unit<S: Serializer>(budget: &Budget, to: S) -> Result<S::Ok, S::Error> {
    let (budget, unit) = (budget.value(), budget.unit());
    BudgetInUnit { budget, unit }.serialize(to)
}

/// The fields of a budget whose unit is not always FLOPs.
#[derive(Serialize, JsonSchema)]
pub(super) struct BudgetInUnit {
    /// The budget, in its unit.
    budget: f64,
    /// The unit: `FLOPs`, `tokens` or `tokens/param`.
    unit: &'static str,
}
