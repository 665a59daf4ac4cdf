//! Comparison of the model with an independent PyTorch implementation (tests/reference).
//!
//! `isoflop-trainer compare` checks devices on which the tests do not run.

mod compare;
mod fixture;
mod models;

pub(crate) use compare::compare;
#[cfg(test)]
pub(crate) use fixture::Fixture;
#[cfg(test)]
pub(crate) use models::{TINY, architectures, tiny};
