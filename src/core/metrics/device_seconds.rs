//! Time that devices trained.

use super::{Aggregation, Direction, FittedAs, Metric};

/// Seconds in training steps times devices: a cost that counts how fast FLOPs are.
pub const DEVICE_SECONDS: Metric = Metric {
    name: "device_seconds",
    label: "training time",
    unit: "device-seconds",
    description: "Seconds in training steps times devices: `train_seconds`, as a run has one device; absent where a trunk was taken over.",
    direction: Direction::Lower,
    aggregation: Aggregation::Sum,
    fitted_as: Some(FittedAs::Cost),
};
