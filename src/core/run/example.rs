//! A small run with every field filled in, for tests and documentation.

use super::{
    Adamw, Budget, DataSpec, EvaluationSpec, LearningRateSchedule, Optimizer, Precision, RunSpec,
    SPEC_VERSION, Tokenizer,
};
use crate::arch::{PRIMER_EZ, Shape};

/// Example of a spec: a small Primer-EZ, on data that does not exist. Its identity is pinned
/// (`run/spec.rs`).
pub fn example_spec() -> RunSpec {
    RunSpec {
        version: SPEC_VERSION,
        architecture: PRIMER_EZ,
        shape: Shape {
            d_model: 16,
            layers: 2,
            heads: 1,
            d_head: 16,
            d_ff: 64,
        },
        data: DataSpec {
            tokenizer: Tokenizer::Bytes,
            train_digest: "aa".into(),
            validation_digest: "bb".into(),
        },
        budget: Budget::Flops(1e11),
        sequence_length: 128,
        batch_sequences: 8,
        micro_batch_sequences: None,
        steps: 100,
        optimizer: Optimizer::Adamw(Adamw::DEFAULT),
        learning_rate: 3e-3,
        schedule: LearningRateSchedule::Cosine {
            warmup: 0.05,
            floor: 0.1,
        },
        clip_norm: 1.0,
        precision: Precision::Float32,
        evaluation: EvaluationSpec {
            tokens: 65_536,
            points: 10,
        },
        seed: 1,
    }
}
