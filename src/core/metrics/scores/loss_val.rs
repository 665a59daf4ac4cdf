//! Validation loss.

use crate::metrics::{Aggregation, Direction, FittedAs, Metric};

/// Cross-entropy on held-out text, to which laws are fitted.
pub const LOSS_VAL: Metric = Metric {
    name: "loss_val",
    label: "validation loss",
    unit: "nats/token",
    description: "Loss on held-out text.",
    direction: Direction::Lower,
    aggregation: Aggregation::MeanOverTokens,
    fitted_as: Some(FittedAs::Loss),
};
