//! JSON forms of a budget.

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Serializes the value without its unit, for budgets that are always in FLOPs.
pub(super) fn value<S: Serializer>(budget: &Budget, to: S) -> Result<S::Ok, S::Error> {
    budget.value().serialize(to)
}

/// Serializes the value and its unit.
pub(super) fn with_unit<S: Serializer>(budget: &Budget, to: S) -> Result<S::Ok, S::Error> {
    let (budget, unit) = (budget.value(), budget.unit());
    BudgetInUnit { budget, unit }.serialize(to)
}

/// Fields of a budget with its unit.
#[derive(Serialize, JsonSchema)]
pub(super) struct BudgetInUnit {
    /// Budget, in `unit`.
    budget: f64,
    /// Unit of the budget: `FLOPs`, `tokens` or `tokens/param`.
    unit: &'static str,
}
