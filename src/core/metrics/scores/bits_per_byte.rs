//! Validation loss that does not depend on the tokenizer.

use crate::metrics::{Aggregation, Direction, FittedAs, Metric};

/// Cross-entropy on held-out text per byte: comparable between tokenizers.
pub const BITS_PER_BYTE: Metric = Metric {
    name: "bits_per_byte",
    label: "validation loss",
    unit: "bits/byte",
    description: "Loss on held-out text, comparable between tokenizers.",
    direction: Direction::Lower,
    aggregation: Aggregation::MeanOverBytes,
    fitted_as: Some(FittedAs::Loss),
};
