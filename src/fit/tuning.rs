//! Tuned learning rates. Of runs that differ only in learning rate, the best are compared.

use std::collections::HashMap;

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::budget_json::{self, BudgetInUnit};
use super::by_key::group_by_key;
use super::numbers::{distinct, mean};
use super::{Observation, Study};

/// Tuned learning rate of one arm at one size and budget.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TunedRate {
    /// Name of the arm.
    pub arm: String,
    /// Name of the size.
    pub size: String,
    /// Budget, in its unit.
    #[serde(flatten, serialize_with = "budget_json::with_unit")]
    #[schemars(with = "BudgetInUnit")]
    pub budget: Budget,
    /// Tried factors, smallest first.
    pub tried: Vec<TriedFactor>,
    /// Factor whose runs are used: the lowest mean loss among those with the most finished seeds.
    pub best: f64,
}

/// Result of one learning-rate factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TriedFactor {
    /// Learning-rate factor.
    pub factor: f64,
    /// Mean loss over the seeds, nats/token.
    pub loss: f64,
    /// Number of finished seeds.
    pub seeds: usize,
}

impl TunedRate {
    /// Reports whether the best factor is the smallest or the largest tried. One beyond it may be
    /// better.
    pub fn at_edge(&self) -> bool {
        let mut ends = self.tried.first().into_iter().chain(self.tried.last());
        ends.any(|tried| tried.factor == self.best)
    }
}

/// Returns the study with only the best learning rate of each cell, and the results of the tuning.
/// The study is unchanged if nothing was tuned.
pub(super) fn tune(study: &Study) -> (Study, Vec<TunedRate>) {
    let tuned: Vec<(Cell<'_>, TunedRate)> = group_by_key(study.runs(), |run| cell(run))
        .into_iter()
        .filter_map(|(cell, members)| Some((cell, tuned(&members)?)))
        .collect();
    let best: HashMap<_, _> = tuned
        .iter()
        .map(|(cell, tuned)| (*cell, tuned.best))
        .collect();
    let is_used = |run: &Observation| {
        let best = best.get(&cell(run));
        best.is_none_or(|best| *best == run.lr_factor)
    };
    let mut kept = study.clone();
    kept.observations.retain(is_used);
    kept.unprofiled.retain(is_used);
    (kept, tuned.into_iter().map(|(_, tuned)| tuned).collect())
}

/// Cell of a run: arm, size and budget. Its runs differ in seed and learning rate only.
type Cell<'a> = (&'a str, &'a str, Budget);

fn cell(run: &Observation) -> Cell<'_> {
    (&run.arm, &run.size, run.budget)
}

fn tuned(members: &[&Observation]) -> Option<TunedRate> {
    let tried: Vec<TriedFactor> = distinct(members.iter().map(|o| o.lr_factor))
        .iter()
        .map(|factor| {
            let seeds = members.iter().filter(|o| o.lr_factor == *factor);
            TriedFactor {
                factor: *factor,
                loss: mean(seeds.clone().map(|o| o.loss)),
                seeds: seeds.count(),
            }
        })
        .collect();
    // A rate at which some seeds diverged must not win by the luck of the others.
    let seeds = tried.iter().map(|tried| tried.seeds).max()?;
    let full = tried.iter().filter(|tried| tried.seeds == seeds);
    let best = full.min_by(|a, b| a.loss.total_cmp(&b.loss))?.factor;
    let Observation {
        arm, size, budget, ..
    } = members.first()?;
    (tried.len() > 1).then(|| TunedRate {
        arm: arm.clone(),
        size: size.clone(),
        budget: *budget,
        tried,
        best,
    })
}

#[cfg(test)]
mod tests {
    use super::super::OptionalMeasurements;
    use super::*;

    fn observation(arm: &str, lr_factor: f64, seed: u64, loss: f64) -> Observation {
        Observation {
            run: format!("{arm} x{lr_factor} {seed}"),
            arm: arm.to_owned(),
            size: "d16-l2".to_owned(),
            seed,
            budget: Budget::Flops(1e10),
            lr_factor,
            flops: 1e10,
            params: 1e4,
            tokens: 1e5,
            loss,
            optional: OptionalMeasurements::default(),
        }
    }

    fn study(observations: Vec<Observation>) -> Study {
        Study {
            observations,
            ..Study::default()
        }
    }

    /// Each arm keeps its own best rate. A rate with a missing seed is not chosen.
    #[test]
    fn each_arm_is_compared_at_its_best() {
        let mut runs = Vec::new();
        for seed in [1, 2] {
            let noise = seed as f64 / 1000.0;
            runs.extend(
                [0.5, 1.0, 2.0]
                    .map(|f| observation("a", f, seed, 3.0 + (f - 1.0f64).powi(2) + noise)),
            );
            runs.extend([0.5, 1.0, 2.0].map(|f| observation("b", f, seed, 3.0 - f / 10.0 + noise)));
        }
        runs.push(observation("a", 4.0, 1, 2.0));
        let (kept, tuned) = tune(&study(runs));
        let used: Vec<(&str, f64)> = kept
            .observations
            .iter()
            .map(|o| (o.arm.as_str(), o.lr_factor))
            .collect();
        assert_eq!(used, [("a", 1.0), ("b", 2.0), ("a", 1.0), ("b", 2.0)]);
        assert_eq!(
            tuned
                .iter()
                .map(|t| (t.best, t.at_edge()))
                .collect::<Vec<_>>(),
            [(1.0, false), (2.0, true)]
        );
        assert_eq!(tuned[0].tried.len(), 4);
    }

    #[test]
    fn nothing_is_left_out_where_nothing_was_tuned() {
        let whole = study(vec![
            observation("a", 1.0, 1, 3.0),
            observation("a", 1.0, 2, 3.1),
            observation("b", 1.0, 1, 2.9),
        ]);
        assert_eq!(tune(&whole), (whole, Vec::new()));
    }
}
