//! Learning rates that were tuned: of the runs that differ in theirs alone, the best are compared.

use std::collections::HashMap;

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::budget_json::{self, BudgetInUnit};
use super::by_key::by_key;
use super::numbers::{distinct, mean};
use super::{Observation, Study};

/// What tuning found for one architecture at one size and budget.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Tuned {
    /// The arm.
    pub arm: String,
    /// The shape's name.
    pub size: String,
    /// The budget.
    #[serde(flatten, serialize_with = "budget_json::in_unit")]
    #[schemars(with = "BudgetInUnit")]
    pub budget: Budget,
    /// One for each factor that was tried, least first.
    pub tried: Vec<Tried>,
    /// The factor whose runs are used: of those with the most finished seeds the one with the least mean loss.
    pub best: f64,
}

/// One factor on the rule's learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Tried {
    /// The factor.
    pub factor: f64,
    /// Mean loss over its seeds, nats/token.
    pub loss: f64,
    /// Seeds that finished.
    pub seeds: usize,
}

impl Tuned {
    /// Whether a factor beyond those tried may be better still.
    pub fn at_edge(&self) -> bool {
        [self.tried.first(), self.tried.last()]
            .into_iter()
            .flatten()
            .any(|tried| tried.factor == self.best)
    }
}

/// The study with the best learning rate of each cell alone, and what tuning found; the study itself where nothing was tuned.
pub(super) fn tune(study: &Study) -> (Study, Vec<Tuned>) {
    let tuned: Vec<(Cell<'_>, Tuned)> = by_key(study.runs(), |run| cell(run))
        .into_iter()
        .filter_map(|(cell, members)| Some((cell, tuned(&members)?)))
        .collect();
    let best: HashMap<Cell<'_>, f64> = tuned
        .iter()
        .map(|(cell, tuned)| (*cell, tuned.best))
        .collect();
    let is_used = |run: &Observation| {
        best.get(&cell(run))
            .is_none_or(|best| *best == run.lr_factor)
    };
    let mut kept = study.clone();
    kept.observations.retain(is_used);
    kept.unprofiled.retain(is_used);
    (kept, tuned.into_iter().map(|(_, tuned)| tuned).collect())
}

/// What runs share that differ in their learning rate and their seed alone: arm, size and budget.
type Cell<'a> = (&'a str, &'a str, Budget);

fn cell(run: &Observation) -> Cell<'_> {
    (&run.arm, &run.size, run.budget)
}

fn tuned(members: &[&Observation]) -> Option<Tuned> {
    let tried: Vec<Tried> = distinct(members.iter().map(|o| o.lr_factor))
        .iter()
        .map(|factor| {
            let seeds = members.iter().filter(|o| o.lr_factor == *factor);
            Tried {
                factor: *factor,
                loss: mean(seeds.clone().map(|o| o.loss)),
                seeds: seeds.count(),
            }
        })
        .collect();
    // A rate at which some seeds diverged is not the better one for the luck of the others.
    let seeds = tried.iter().map(|tried| tried.seeds).max()?;
    let best = tried
        .iter()
        .filter(|tried| tried.seeds == seeds)
        .min_by(|a, b| a.loss.total_cmp(&b.loss))?
        .factor;
    let Observation {
        arm, size, budget, ..
    } = members.first()?;
    (tried.len() > 1).then(|| Tuned {
        arm: arm.clone(),
        size: size.clone(),
        budget: *budget,
        tried,
        best,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Further;
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
            further: Further::default(),
        }
    }

    fn study(observations: Vec<Observation>) -> Study {
        Study {
            observations,
            ..Study::default()
        }
    }

    /// Each arm keeps its own best rate; a rate of which a seed is missing is not chosen.
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
