//! Numbers and statuses in words, the same in tables and figures.

use isoflop_fit::{Interval, MultiplierPoint, MultiplierStatus, Profile, VertexStatus};

/// `1.0e11`.
pub(super) fn flops(value: f64) -> String {
    format!("{value:.1e}")
}

/// A multiplier to the digits that mean something: `1.83`, `12.4`.
pub(super) fn ratio(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

/// `1.83× (1.70 to 1.95)`; none where it was refused.
pub(super) fn multiplier(point: &MultiplierPoint) -> Option<String> {
    let value = ratio(point.value?);
    let range = point
        .low
        .zip(point.high)
        .map(|(low, high)| format!(" ({} to {})", ratio(low), ratio(high)));
    Some(format!("{value}×{}", range.unwrap_or_default()))
}

/// An exponent with its interval.
pub(super) fn exponent_with(value: f64, range: Option<Interval>) -> String {
    with_interval(value, range, exponent)
}

/// `1.30 (95% 1.20 to 1.41)`
pub(super) fn with_interval(
    value: f64,
    range: Option<Interval>,
    show: impl Fn(f64) -> String,
) -> String {
    let range = range.map(|i| format!("95% {} to {}", show(i.low), show(i.high)));
    let range = range.unwrap_or("estimate, no interval".to_owned());
    format!("{} ({range})", show(value))
}

/// `0.10 to 0.12`, or that there is none.
pub(super) fn interval(interval: Option<Interval>, number: fn(f64) -> String) -> String {
    interval.map_or("no interval".to_owned(), |i| {
        format!("{} to {}", number(i.low), number(i.high))
    })
}

/// A loss, nats/token.
pub(super) fn loss(value: f64) -> String {
    format!("{value:.4}")
}

/// An exponent.
fn exponent(value: f64) -> String {
    format!("{value:.3}")
}

/// How far a profile can be trusted.
pub(super) fn profile_status(profile: &Profile) -> String {
    match &profile.vertex {
        Ok(vertex) => match vertex.status {
            VertexStatus::Interior => "interior".to_owned(),
            VertexStatus::AtEdge => {
                "at edge: the least loss measured is at an end of the sizes".to_owned()
            }
            VertexStatus::Extrapolated => {
                "extrapolated: outside the measured sizes, not used".to_owned()
            }
        },
        Err(reason) => format!("refused: {reason}"),
    }
}

/// How far a multiplier can be trusted.
pub(super) fn multiplier_status(status: MultiplierStatus) -> &'static str {
    match status {
        MultiplierStatus::Measured => "measured in both arms",
        MultiplierStatus::Extrapolated => "extrapolated",
        MultiplierStatus::Refused => "refused: not measured in both arms",
    }
}
