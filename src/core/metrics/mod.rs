//! Metrics: the quantities that runs are compared by. Each is declared once, in its own file;
//! columns, labels and documentation follow from the declaration.

mod device_seconds;
mod metric;
mod scores;

pub use device_seconds::DEVICE_SECONDS;
pub use metric::{Aggregation, Direction, FittedAs, Metric};
pub use scores::{BITS_PER_BYTE, LOSS_VAL, Scores};
