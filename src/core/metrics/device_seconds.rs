//! Training time of devices.

use super::{Aggregation, Direction, FittedAs, Metric};

/// Seconds in training steps times devices: a cost that depends on the speed of the hardware.
pub const DEVICE_SECONDS: Metric = Metric {
    name: "device_seconds",
    label: "training time",
    unit: "device-seconds",
    description: "Seconds in training steps times devices. A run has one device, so this is `train_seconds`. Absent if the run took over a trunk.",
    direction: Direction::Lower,
    aggregation: Aggregation::Sum,
    fitted_as: Some(FittedAs::Cost),
};
