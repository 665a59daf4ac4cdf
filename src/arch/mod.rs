//! An architecture as orthogonal choices with named presets, its shapes, and its
//! exact counts of parameters and FLOPs.
//!
//! Source of the presets: So et al., "Primer: Searching for Efficient
//! Transformers for Language Modeling", NeurIPS 2021, arXiv:2109.08668.

mod choices;
mod count;
mod ladder;
mod shape;

pub use choices::{Activation, Architecture, Preset, QkvConvolution};
pub use count::{FlopsByOperation, ParamsByGroup, RELATIVE_BUCKETS, flops_per_token, params};
pub use ladder::{LadderError, Solved, named_rungs, rung, solve_params};
pub use shape::{Shape, ShapeError};
