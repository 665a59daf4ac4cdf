//! Scores of an evaluation.

mod bits_per_byte;
mod loss_val;

use serde::{Deserialize, Serialize};

use super::Metric;
pub use bits_per_byte::BITS_PER_BYTE;
pub use loss_val::LOSS_VAL;

/// Scores of a model on held-out text, each the value of a metric. They are part of an outcome and
/// of every point of a curve.
///
/// A score that is added later must be an `Option` that is absent if `None`. Otherwise older
/// outcomes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// [`LOSS_VAL`], nats/token.
    pub loss_val: f64,
    /// [`BITS_PER_BYTE`], bits/byte.
    pub bits_per_byte: f64,
}

/// A metric, and the function that reads its value from the scores.
type Score = (&'static Metric, fn(&Scores) -> Option<f64>);

impl Scores {
    /// Every metric of an evaluation, in the order of its columns.
    pub const METRICS: [Score; 2] = [
        (&LOSS_VAL, |scores| Some(scores.loss_val)),
        (&BITS_PER_BYTE, |scores| Some(scores.bits_per_byte)),
    ];

    /// Makes the scores that every evaluation has: a loss in nats/token and in bits/byte.
    pub fn new(loss_val: f64, bits_per_byte: f64) -> Self {
        Self {
            loss_val,
            bits_per_byte,
        }
    }

    /// The values that were measured.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        Self::METRICS.iter().filter_map(|(_, value)| value(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns are found by the names in the JSON.
    #[test]
    fn every_score_has_its_metrics_name() {
        let scores = Scores::new(2.5, 1.5);
        let json = serde_json::to_value(scores).unwrap();
        for (metric, value) in Scores::METRICS {
            assert_eq!(
                json[metric.name].as_f64(),
                value(&scores),
                "{}",
                metric.name
            );
        }
        assert_eq!(
            json.as_object().unwrap().len(),
            scores.values().count(),
            "a score without a metric"
        );
    }
}
