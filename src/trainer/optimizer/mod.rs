//! From gradients to updates, on the flat vector.

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reference_tests;
mod rules;
mod step;
mod update_rule;

pub(crate) use step::Optimizer;
pub(crate) use update_rule::StepSettings;
