//! Seconds of a sweep file.

use std::time::Duration;

use isoflop_sweep::Number;

/// As a duration.
pub(crate) fn seconds(number: Number) -> Duration {
    Duration::from_secs_f64(number.0)
}
