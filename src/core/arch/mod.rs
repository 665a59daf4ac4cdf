//! An architecture as orthogonal choices with named presets, its shapes, and its
//! exact counts of parameters and FLOPs.
//!
//! Source of the presets: So et al., "Primer: Searching for Efficient
//! Transformers for Language Modeling", NeurIPS 2021, arXiv:2109.08668.

mod choices;
mod config;
mod contradiction;
mod flops;
mod further;
mod ladder;
mod params;
mod presets;
mod shape;

pub use choices::{
    Activation, Architecture, Biases, Convolution, ConvolutionInit, FeedForwardWidth, Head,
    Initialisation, LogitScale, Norm, NormPlacement, Positions, QkvConvolution, QkvProjections,
    ScoreScale,
};
pub use config::ModelConfig;
pub use contradiction::Contradiction;
pub use flops::{Causal, Counted, Operation};
pub use further::{between, beyond};
pub use ladder::{
    ASPECT, Counting, LadderError, Solved, geometric, named_rungs, paper_sweep, solve_params,
};
pub use params::{ParamsByGroup, RELATIVE_BUCKETS};
pub use presets::{
    LLAMA_STYLE, MDHA, PRESETS, PRIMER, PRIMER_EZ, Preset, TRANSFORMER, TRANSFORMER_PLUS_PLUS,
};
pub use shape::{Shape, ShapeError};
