//! Findings about the runs of a table: outliers, wrong units, and the plan that the numbers imply.
//!
//! All are pure functions of [`Measurement`]s. A finding has the indices of runs in the given
//! slice, and the size of the effect. Callers add the names of columns and the messages.

mod budgets;
mod learning_rates;
mod losses_in_bits;
mod measurement;
mod outliers;
mod robust;
mod size_ranks;
#[cfg(test)]
mod tests;
mod unit_finding;
mod unit_mismatch;
mod units;

pub use budgets::{BudgetGroups, budget_groups};
pub use learning_rates::has_several_learning_rates;
pub use measurement::{Measurement, Quantity};
pub use outliers::{Outlier, outliers};
pub use size_ranks::size_ranks;
pub use unit_finding::{MAX_LOSS, UnitFinding};
pub use units::unit_findings;
