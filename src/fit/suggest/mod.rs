//! Suggestion of runs to train next: those that narrow the interval of a multiplier or an exponent
//! most for their cost.
//!
//! The fitted laws predict the information in each further run (`design.rs`). Candidates are on a
//! grid of sizes and budgets (`grid.rs`). A search finds the best candidates within the allowance
//! (`search.rs`). A design is only as good as its laws. Fit again when the runs are done.
//!
//! For a multiplier, both arms are run at the same sizes, budgets and seeds. Their errors are
//! correlated there (common text, common initial weights), and the common part cancels from the
//! difference. Runs of one arm only do not have this benefit.

mod choose;
mod design;
mod design_grid;
mod grid;
mod noise;
mod search;
mod suggestion;
mod sweep_form;
mod target;
mod target_estimate;
#[cfg(test)]
mod tests;

pub use choose::suggest;
pub use grid::OfferedSize;
pub use suggestion::{
    SuggestRefusal, SuggestedRuns, Suggestion, SuggestionRequest, SweepForm, SweepSize,
};
pub use target::Target;
