//! The model against an independent PyTorch implementation (tests/reference): how far it is from the numbers of a fixture.
//!
//! `isoflop-trainer compare` asks it of a device that no test of ours runs on.

mod compare;
mod fixture;
mod models;

pub(crate) use compare::compare;
#[cfg(test)]
pub(crate) use fixture::Fixture;
#[cfg(test)]
pub(crate) use models::{TINY, architectures, tiny};
