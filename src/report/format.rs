//! Text of numbers and statuses, the same in tables and figures.

use isoflop_fit::{Interval, MultiplierPoint, MultiplierStatus, Profile, VertexStatus};

/// Formats as `1.0e11`.
pub(super) fn flops(value: f64) -> String {
    format!("{value:.1e}")
}

/// Formats a multiplier: `1.83`, `12.4`.
pub(super) fn ratio(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

/// Formats as `1.83× (1.70 to 1.95)`; `None` if it was refused.
pub(super) fn multiplier(point: &MultiplierPoint) -> Option<String> {
    let value = ratio(point.value?);
    let range = point
        .interval()
        .map(|i| format!(" ({})", i.formatted(ratio)));
    Some(format!("{value}×{}", range.unwrap_or_default()))
}

/// Formats an exponent with its interval.
pub(super) fn exponent_with(value: f64, range: Option<Interval>) -> String {
    with_interval(value, range, exponent)
}

/// Formats as `1.30 (95% 1.20 to 1.41)`.
pub(super) fn with_interval(
    value: f64,
    range: Option<Interval>,
    show: impl Fn(f64) -> String,
) -> String {
    let value = show(value);
    let range = range.map(|i| format!("95% {}", i.formatted(show)));
    let range = range.unwrap_or("estimate, no interval".to_owned());
    format!("{value} ({range})")
}

/// Formats as `0.10 to 0.12`, or `no interval`.
pub(super) fn interval(interval: Option<Interval>, number: fn(f64) -> String) -> String {
    interval.map_or("no interval".to_owned(), |i| i.formatted(number))
}

/// Formats a loss, nats/token.
pub(super) fn loss(value: f64) -> String {
    format!("{value:.4}")
}

/// Formats an exponent.
fn exponent(value: f64) -> String {
    format!("{value:.3}")
}

/// Status of a profile.
pub(super) fn profile_status(profile: &Profile) -> String {
    match &profile.vertex {
        Ok(vertex) => match vertex.status {
            VertexStatus::Interior => "interior".to_owned(),
            VertexStatus::AtEdge => {
                "at edge: the lowest measured loss is at the smallest or largest size".to_owned()
            }
            VertexStatus::Extrapolated => {
                "extrapolated: outside the measured sizes, not used".to_owned()
            }
        },
        Err(reason) => format!("refused: {reason}"),
    }
}

/// Status of a multiplier.
pub(super) fn multiplier_status(status: MultiplierStatus) -> &'static str {
    match status {
        MultiplierStatus::Measured => "measured in both arms",
        MultiplierStatus::Extrapolated => "extrapolated",
        MultiplierStatus::Refused => "refused: not measured in both arms",
    }
}
