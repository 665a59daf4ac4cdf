//! Which runs to train next: those that narrow the interval of a multiplier or an exponent most, for what they cost.
//!
//! The laws that are fitted say what each further run would tell (`design.rs`), candidates lie on a grid of sizes and budgets
//! (`grid.rs`), and the best of them that the allowance pays for are searched for (`search.rs`). A design is as good as
//! the laws that it rests on: it is meant to be fitted again when its runs are done.
//!
//! For a multiplier both arms are run alike at each size, budget and seed. Their errors are correlated there (common
//! text, common initial weights), and what they share cancels from the difference; runs of one arm alone share nothing.

mod aim;
mod choose;
mod design;
mod grid;
mod noise;
mod places;
mod search;
mod suggestion;
mod sweep_form;
mod target;
#[cfg(test)]
mod tests;

pub use choose::suggest;
pub use grid::OfferedSize;
pub use suggestion::{Place, SuggestRefusal, Suggestion, SweepForm, SweepSize, Wanted};
pub use target::Target;
