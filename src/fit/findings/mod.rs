//! Findings about the runs of a table: which of them stand out, and what of their plan follows from their numbers.
//!
//! Functions of [`Measurement`]s, pure as all of fit. A finding says which runs, by their places in the slice that was
//! given, and by how much; it knows no columns and no words for people.

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
pub use learning_rates::several_learning_rates;
pub use measurement::{Measurement, Quantity};
pub use outliers::{Outlier, outliers};
pub use size_ranks::size_ranks;
pub use unit_finding::{MOST_LOSS, UnitFinding};
pub use units::unit_findings;
