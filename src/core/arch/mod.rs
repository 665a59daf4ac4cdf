//! Architectures as independent choices, with named presets, shapes, and exact counts of parameters
//! and FLOPs.
//!
//! Source of the presets: So et al., "Primer: Searching for Efficient
//! Transformers for Language Modeling", NeurIPS 2021, arXiv:2109.08668.

mod choices;
mod config;
mod contradiction;
mod flops;
mod ladder;
mod neighbor_shapes;
mod params;
mod presets;
mod shape;

pub use choices::{
    Activation, Architecture, BiasPlacement, Convolution, ConvolutionInit, FeedForwardWidth,
    Initialisation, LogitScale, Norm, NormPlacement, OutputHead, Positions, QkvConvolution,
    QkvProjections, ScoreScale,
};
pub use config::ModelConfig;
pub use contradiction::Contradiction;
pub use flops::{CausalCounting, Operation, TokenFlops};
pub use ladder::{
    ASPECT, LadderBasis, LadderError, SolvedShape, geometric, named_rungs, paper_sweep,
    solve_params,
};
pub use neighbor_shapes::{between, beyond};
pub use params::{ParamsByGroup, RELATIVE_BUCKETS};
pub use presets::{
    LLAMA_STYLE, MDHA, PRESETS, PRIMER, PRIMER_EZ, Preset, TRANSFORMER, TRANSFORMER_PLUS_PLUS,
};
pub use shape::{Shape, ShapeError};
