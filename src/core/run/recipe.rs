//! Training recipe: learning rate over time, and number format.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Schedule of the learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LearningRateSchedule {
    /// Linear warmup, then half a cosine down to `floor` (arXiv:1608.03983).
    Cosine {
        /// Fraction of the steps that warm up.
        #[schemars(range(min = 0, max = 1))]
        warmup: f64,
        /// Final learning rate as a fraction of the peak.
        #[schemars(range(min = 0, max = 1))]
        floor: f64,
    },
    /// Linear warmup, then a straight line down to `floor`.
    Linear {
        /// Fraction of the steps that warm up.
        #[schemars(range(min = 0, max = 1))]
        warmup: f64,
        /// Final learning rate as a fraction of the peak.
        #[schemars(range(min = 0, max = 1))]
        floor: f64,
    },
    /// Warmup, stable, then linear decay to `floor` (arXiv:2404.06395, arXiv:2405.18392). Runs that
    /// differ only in their budget are the same until the shorter one decays.
    Wsd {
        /// Number of steps that warm up, the same for all budgets.
        warmup_steps: u64,
        /// Fraction of the steps that decay.
        #[schemars(range(min = 0, max = 1))]
        decay: f64,
        /// Final learning rate as a fraction of the peak.
        #[schemars(range(min = 0, max = 1))]
        floor: f64,
    },
    /// Constant for `constant_steps`, then proportional to one over the root of the step, for any
    /// budget. With 10,000 constant steps and a peak of 0.01 it is the schedule of
    /// arXiv:2109.08668; with `warmup_steps` equal to `constant_steps`, that of arXiv:1706.03762.
    Rsqrt {
        /// Number of steps that warm up.
        #[serde(default)]
        warmup_steps: u64,
        /// Number of steps before the decay, including warmup.
        constant_steps: u64,
    },
}

impl LearningRateSchedule {
    /// The factor on the peak learning rate for `step` (from 0) of `steps`.
    pub fn factor(self, step: u64, steps: u64) -> f64 {
        let warmup_steps = self.warmup_steps(steps);
        if step < warmup_steps {
            return (step + 1) as f64 / warmup_steps as f64;
        }
        // Rises from 0 at the start of the decay to 1 at the last step.
        let progress = |start: u64| {
            let (step, start, steps) = (step as f64, start as f64, steps as f64);
            ((step - start) / (steps - 1.0 - start).max(1.0)).clamp(0.0, 1.0)
        };
        match self {
            Self::Cosine { floor, .. } => {
                let angle = std::f64::consts::PI * progress(warmup_steps);
                floor + (1.0 - floor) * 0.5 * (1.0 + angle.cos())
            }
            Self::Linear { floor, .. } => 1.0 - (1.0 - floor) * progress(warmup_steps),
            Self::Wsd { floor, .. } => 1.0 - (1.0 - floor) * progress(self.common_steps(steps)),
            Self::Rsqrt { constant_steps, .. } => {
                (constant_steps as f64 / (step + 1) as f64).sqrt().min(1.0)
            }
        }
    }

    /// Number of first steps of a run of `steps` that have the same learning rates in every longer
    /// run.
    pub fn common_steps(self, steps: u64) -> u64 {
        match self {
            Self::Cosine { .. } | Self::Linear { .. } => 0,
            Self::Wsd {
                warmup_steps,
                decay,
                ..
            } => {
                let decaying = (decay * steps as f64).round() as u64;
                steps.saturating_sub(decaying).max(warmup_steps).min(steps)
            }
            Self::Rsqrt { .. } => steps,
        }
    }

    /// Number of steps that warm up in a run of `steps`.
    pub fn warmup_steps(self, steps: u64) -> u64 {
        match self {
            Self::Cosine { warmup, .. } | Self::Linear { warmup, .. } => {
                (warmup * steps as f64).round() as u64
            }
            Self::Wsd { warmup_steps, .. } | Self::Rsqrt { warmup_steps, .. } => warmup_steps,
        }
    }
}

/// Number format of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// IEEE single precision throughout.
    Float32,
    /// Matrix products, convolutions and the operations between them in bfloat16, sums within them
    /// in float32; float32 master weights, norms, taps, residual stream, loss and optimizer.
    Bfloat16,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedules() -> impl Strategy<Value = LearningRateSchedule> {
        let fraction = || 0.0..0.5f64;
        prop_oneof![
            (fraction(), 0.0..1.0f64)
                .prop_map(|(warmup, floor)| LearningRateSchedule::Cosine { warmup, floor }),
            (fraction(), 0.0..1.0f64)
                .prop_map(|(warmup, floor)| LearningRateSchedule::Linear { warmup, floor }),
            (0u64..100, 0.01..0.5f64, 0.0..1.0f64).prop_map(|(warmup_steps, decay, floor)| {
                LearningRateSchedule::Wsd {
                    warmup_steps,
                    decay,
                    floor,
                }
            }),
            (0u64..100, 1u64..1000).prop_map(|(warmup_steps, constant_steps)| {
                LearningRateSchedule::Rsqrt {
                    warmup_steps,
                    constant_steps,
                }
            }),
        ]
    }

    /// Expected last factor of a schedule: its floor, if the decay has at least two steps.
    fn floor(schedule: LearningRateSchedule, steps: u64) -> Option<f64> {
        match schedule {
            LearningRateSchedule::Cosine { floor, .. }
            | LearningRateSchedule::Linear { floor, .. } => {
                (steps > schedule.warmup_steps(steps) + 1).then_some(floor)
            }
            LearningRateSchedule::Wsd { floor, .. } => {
                (steps > schedule.common_steps(steps) + 1).then_some(floor)
            }
            LearningRateSchedule::Rsqrt { .. } => None,
        }
    }

    proptest! {
        #[test]
        fn schedules_stay_within_bounds_and_end_at_the_floor(schedule in schedules(), steps in 4u64..3000) {
            for step in 0..steps {
                let factor = schedule.factor(step, steps);
                prop_assert!(factor > -1e-12 && factor <= 1.0 + 1e-12, "{schedule:?} {step}: {factor}");
            }
            if let Some(floor) = floor(schedule, steps) {
                let last = schedule.factor(steps - 1, steps);
                prop_assert!((last - floor).abs() < 1e-9, "{schedule:?} of {steps}: {last}");
            }
        }

        /// Runs may share a trunk because these learning rates are equal to the bit.
        #[test]
        fn longer_runs_share_the_common_steps(schedule in schedules(), steps in 2u64..2000, more in 1u64..2000) {
            let common = schedule.common_steps(steps);
            for step in 0..common {
                prop_assert_eq!(schedule.factor(step, steps).to_bits(), schedule.factor(step, steps + more).to_bits());
            }
            prop_assert!(common <= steps && common <= schedule.common_steps(steps + more));
        }
    }

    /// Compares with the schedules of arXiv:2109.08668, and of arXiv:1706.03762, eq. 3, with its
    /// peak at the end of the warmup.
    #[test]
    fn rsqrt_is_the_papers() {
        let primer = LearningRateSchedule::Rsqrt {
            warmup_steps: 0,
            constant_steps: 10_000,
        };
        for step in [0u64, 5_000, 9_999, 40_000, 1_000_000] {
            let own = 0.01 * primer.factor(step, 1);
            let paper = 1.0 / ((step + 1) as f64).max(10_000.0).sqrt();
            assert!((own - paper).abs() < 1e-12, "{step}: {own} against {paper}");
        }
        let vaswani = LearningRateSchedule::Rsqrt {
            warmup_steps: 4000,
            constant_steps: 4000,
        };
        for step in [1u64, 10, 4000, 4001, 100_000] {
            let own = vaswani.factor(step - 1, 1) * 4000f64.powf(-0.5);
            let paper = (step as f64)
                .powf(-0.5)
                .min(step as f64 * 4000f64.powf(-1.5));
            assert!((own - paper).abs() < 1e-12, "{step}: {own} against {paper}");
        }
    }
}
