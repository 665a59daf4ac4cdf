//! Comparison of arms run by run at one budget and size, for ablations and for runs without a
//! profile.

use std::collections::HashSet;

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::budget_json::{self, BudgetInUnit};
use super::by_key::group_by_key;
use super::interval::student;
use super::numbers::mean;
use super::polynomial::FEWEST;
use super::{Interval, Observation, Study};

/// Comparison of arms at one budget and size.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DirectComparison {
    /// Budget.
    #[serde(flatten, serialize_with = "budget_json::with_unit")]
    #[schemars(with = "BudgetInUnit")]
    pub budget: Budget,
    /// Name of the size.
    pub size: String,
    /// Name of the baseline.
    pub baseline: String,
    /// Arms, lowest loss first.
    pub arms: Vec<DirectArm>,
}

impl DirectComparison {
    /// Returns the budget with its unit.
    pub fn budget_text(&self) -> String {
        self.budget.with_unit(3)
    }
}

/// An arm in a direct comparison.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DirectArm {
    /// Name of the arm.
    pub arm: String,
    /// Number of finished runs, one per seed.
    pub runs: usize,
    /// Mean loss of these runs, nats/token.
    pub loss: f64,
    /// Mean N, parameters.
    pub params: f64,
    /// Difference from the baseline; absent for the baseline itself, and if no seed is shared.
    pub difference: Option<ArmDifference>,
}

/// Difference of an arm from the baseline, over the seeds that both have.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ArmDifference {
    /// Mean loss minus the baseline's, nats/token; below 0 if the arm is better.
    pub value: f64,
    /// 95% interval by Student's distribution over the seeds, nats/token; absent with one seed.
    // Each arm uses its own noise. Arms differ in noise, and pooling would give one arm the noise
    // of another.
    pub interval: Option<Interval>,
    /// Difference of each shared seed, nats/token.
    pub by_seed: Vec<f64>,
}

/// Compares arms at each budget and size where several arms have finished runs and none has a
/// profile.
pub(super) fn compare(study: &Study, baseline: &str) -> Vec<DirectComparison> {
    let with_profile = budgets_with_profile(study);
    let runs = study
        .runs()
        .filter(|run| !with_profile.contains(&run.budget));
    group_by_key(runs, |run| (run.budget, run.size.as_str()))
        .into_iter()
        .filter_map(|(cell, runs)| comparison(cell, baseline, &runs))
        .collect()
}

/// Returns the budgets at which an arm has runs of enough sizes for a profile.
fn budgets_with_profile(study: &Study) -> HashSet<Budget> {
    let cells = group_by_key(&study.observations, |run| (run.budget, run.arm.as_str()));
    let sizes = |runs: &[&Observation]| {
        runs.iter()
            .map(|run| &run.size)
            .collect::<HashSet<_>>()
            .len()
    };
    let with_profile = cells.iter().filter(|(_, runs)| sizes(runs) >= FEWEST);
    with_profile.map(|((budget, _), _)| *budget).collect()
}

fn comparison(
    (budget, size): (Budget, &str),
    baseline: &str,
    runs: &[&Observation],
) -> Option<DirectComparison> {
    let by_arm = group_by_key(runs.iter().copied(), |run| run.arm.as_str());
    if by_arm.len() < 2 {
        return None;
    }
    let base = by_arm.iter().find(|(arm, _)| *arm == baseline);
    let base = base.map_or(&[][..], |(_, runs)| runs);
    let arm = |(arm, runs): &(&str, Vec<&Observation>)| {
        let others = if *arm == baseline { &[] } else { base };
        direct_arm(arm, runs, others)
    };
    let mut arms: Vec<DirectArm> = by_arm.iter().map(arm).collect();
    arms.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    Some(DirectComparison {
        budget,
        size: size.to_owned(),
        baseline: baseline.to_owned(),
        arms,
    })
}

fn direct_arm(arm: &str, runs: &[&Observation], baseline: &[&Observation]) -> DirectArm {
    let shared = |run: &&Observation| {
        Some(run.loss - baseline.iter().find(|base| base.seed == run.seed)?.loss)
    };
    let by_seed: Vec<f64> = runs.iter().filter_map(shared).collect();
    DirectArm {
        arm: arm.to_owned(),
        runs: runs.len(),
        loss: mean(runs.iter().map(|run| run.loss)),
        params: mean(runs.iter().map(|run| run.params)),
        difference: (!by_seed.is_empty()).then(|| difference(by_seed)),
    }
}

/// Computes the mean of paired differences and its interval (Student, 1908).
fn difference(by_seed: Vec<f64>) -> ArmDifference {
    let (value, count) = (mean(by_seed.iter().copied()), by_seed.len() as f64);
    let interval = (by_seed.len() > 1).then(|| {
        let variance = by_seed.iter().map(|d| (d - value).powi(2)).sum::<f64>() / (count - 1.0);
        Interval::around(value, student(count - 1.0) * (variance / count).sqrt())
    });
    ArmDifference {
        value,
        interval,
        by_seed,
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::OptionalMeasurements;
    use super::*;

    fn run(arm: &str, size: &str, seed: u64, loss: f64) -> Observation {
        Observation {
            run: format!("{arm} {size} {seed}"),
            arm: arm.to_owned(),
            size: size.to_owned(),
            seed,
            budget: Budget::Flops(1e11),
            lr_factor: 1.0,
            flops: 1e11,
            params: 1e4,
            tokens: 1e6,
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

    /// Compares with values computed by hand: differences -0.10, -0.12, -0.14, whose standard
    /// deviation is 0.02; t(2) = 4.303; half width 4.303·0.02/sqrt(3).
    #[test]
    fn differences_are_paired_by_seed() {
        let losses = [
            ("base", [2.0, 2.2, 2.4]),
            ("good", [1.9, 2.08, 2.26]),
            ("bad", [2.05, 2.25, 2.45]),
        ];
        let runs = losses
            .iter()
            .flat_map(|(arm, losses)| (1..).zip(losses).map(|(s, l)| run(arm, "s", s, *l)));
        let direct = &compare(&study(runs.collect()), "base")[0];
        assert_eq!(
            direct
                .arms
                .iter()
                .map(|arm| arm.arm.as_str())
                .collect::<Vec<_>>(),
            ["good", "base", "bad"]
        );
        assert_eq!(direct.budget_text(), "1.000e11 FLOPs");
        let good = direct.arms[0].difference.as_ref().unwrap();
        let half = 4.302_653 * 0.02 / 3f64.sqrt();
        let interval = good.interval.unwrap();
        assert!((good.value + 0.12).abs() < 1e-12);
        assert!(
            (interval.high - (-0.12 + half)).abs() < 1e-6
                && (interval.low - (-0.12 - half)).abs() < 1e-6
        );
        assert!(direct.arms[1].difference.is_none());
    }

    #[test]
    fn one_seed_gives_a_difference_and_no_interval() {
        let direct = compare(
            &study(vec![run("base", "s", 1, 2.0), run("other", "s", 1, 1.9)]),
            "base",
        );
        let difference = direct[0].arms[0].difference.as_ref().unwrap();
        assert!((difference.value + 0.1).abs() < 1e-12 && difference.interval.is_none());
    }

    /// Skips budgets with a profile, gives no difference without a shared seed, and compares
    /// budgets in other units.
    #[test]
    fn what_makes_no_profile_is_compared() {
        let profile = ["a", "b", "c", "d"].map(|size| run("base", size, 1, 2.0));
        let with_profile = profile
            .into_iter()
            .chain([run("other", "a", 1, 1.9)])
            .collect();
        assert_eq!(compare(&study(with_profile), "base"), []);
        let apart = compare(
            &study(vec![run("base", "s", 1, 2.0), run("other", "s", 2, 1.9)]),
            "base",
        );
        assert!(apart[0].arms.iter().all(|arm| arm.difference.is_none()));
        assert_eq!(compare(&study(vec![run("base", "s", 1, 2.0)]), "base"), []);
        let unprofiled = |arm, loss| Observation {
            budget: Budget::Tokens(1e6),
            ..run(arm, "s", 1, loss)
        };
        let tokens = Study {
            unprofiled: vec![unprofiled("base", 2.0), unprofiled("other", 1.9)],
            ..Study::default()
        };
        assert_eq!(compare(&tokens, "base")[0].budget, Budget::Tokens(1e6));
    }

    /// Keeps two budgets that print the same text separate. Otherwise a seed would count twice.
    #[test]
    fn budgets_that_print_alike_are_kept_apart() {
        let near = |run: Observation| Observation {
            budget: Budget::Flops(1.0001e11),
            ..run
        };
        let runs = ["base", "other"]
            .into_iter()
            .flat_map(|arm| [run(arm, "s", 1, 2.0), near(run(arm, "s", 1, 1.9))]);
        let direct = compare(&study(runs.collect()), "base");
        assert_eq!(direct.len(), 2);
        assert!(
            direct
                .iter()
                .all(|direct| direct.arms.iter().all(|arm| arm.runs == 1))
        );
    }

    /// Checks that 95% intervals contain the truth in 95% of draws, with three seeds and arms of
    /// different noise.
    #[test]
    fn intervals_cover() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let mut normal = move || {
            (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt()
                * (std::f64::consts::TAU * rng.random::<f64>()).cos()
        };
        let (mut held, mut all) = (0u32, 0u32);
        for _ in 0..400 {
            let shared: Vec<f64> = (0..3).map(|_| 0.02 * normal()).collect();
            let mut runs = Vec::new();
            for (i, arm) in ["base", "1", "2", "3", "4", "5", "6", "7"]
                .into_iter()
                .enumerate()
            {
                for (seed, common) in (0..).zip(&shared) {
                    runs.push(run(
                        arm,
                        "s",
                        seed,
                        2.0 - 0.01 * i as f64 + common + 0.002 * (1 + i) as f64 * normal(),
                    ));
                }
            }
            for arm in &compare(&study(runs), "base")[0].arms {
                let Some(difference) = &arm.difference else {
                    continue;
                };
                let truth = -0.01 * arm.arm.parse::<f64>().unwrap();
                let interval = difference.interval.unwrap();
                held += u32::from(interval.low <= truth && truth <= interval.high);
                all += 1;
            }
        }
        let share = f64::from(held) / f64::from(all);
        println!(
            "direct differences: {:.1}% of {all} intervals contain the truth",
            100.0 * share
        );
        assert!((0.92..=0.98).contains(&share), "{share}");
    }
}
