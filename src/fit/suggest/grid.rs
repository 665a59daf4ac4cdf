//! Sizes and budgets of candidates: those of the study, those between them, and some beyond.

use std::collections::BTreeMap;

use super::super::Observation;
use super::super::numbers::distinct;
use super::super::per_token::PerToken;

/// Size, for each arm of the target.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GridRung {
    /// Name of the size. `None` for a size between or beyond the study's.
    pub(super) label: Option<String>,
    /// log N, one per arm.
    pub(super) log_n: Vec<f64>,
    /// log FLOPs per token, one per arm.
    pub(super) log_f: Vec<f64>,
}

/// Maximum number of sizes of a study in the grid. More would make the search slow for little gain.
const SIZES: usize = 12;
/// Maximum number of budgets of a study in the grid.
const BUDGETS: usize = 8;
/// Number of sizes added above the largest. One is added below the smallest.
const ABOVE: usize = 2;
/// Minimum distance between two sizes, in log N. Closer ones count as one.
const MIN_LOG_GAP: f64 = 0.15;
/// Minimum distance between two sizes, in log N, for another one to be added between them.
const INSERT_LOG_GAP: f64 = 0.35;
/// Largest budget of a candidate, relative to the study's largest. Further out, the design would
/// depend on a law that is not verified there.
const BEYOND: f64 = 30.0;

/// Runs of one arm, and its cost of a token.
pub(super) struct ArmRuns<'a> {
    pub(super) runs: Vec<&'a Observation>,
    pub(super) per_token: PerToken,
}

/// Size that the study does not have but that could be trained.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedSize {
    /// Name of the size.
    pub label: String,
    /// For each arm: its name, N in parameters, and training FLOPs per token.
    pub arms: Vec<(String, f64, f64)>,
}

/// Returns the sizes that all arms have, and the offered ones. If `offered` is absent, adds sizes
/// between and beyond them, by parameters only.
pub(super) fn rungs(arms: &[&ArmRuns<'_>], offered: Option<&[OfferedSize]>) -> Vec<GridRung> {
    let own = thinned(shared(arms), SIZES);
    let Some(offered) = offered else {
        return interpolated(arms, &own);
    };
    let has =
        |arm: &&ArmRuns<'_>, size: &OfferedSize| arm.runs.iter().any(|run| run.size == size.label);
    let is_new = |size: &&OfferedSize| !arms.iter().any(|arm| has(arm, size));
    let rung = |size: &OfferedSize| {
        let of = |arm: &&ArmRuns<'_>| {
            let name = &arm.runs.first()?.arm;
            let (_, n, f) = size.arms.iter().find(|(other, ..)| other == name)?;
            Some((n.ln(), f.ln()))
        };
        GridRung::of(Some(&size.label), arms.iter().map(of))
    };
    let mut rungs = own;
    rungs.extend(offered.iter().filter(is_new).filter_map(rung));
    rungs.sort_by(|a, b| a.log_n[0].total_cmp(&b.log_n[0]));
    rungs
}

impl GridRung {
    /// Returns (log N, log D) of each arm at a budget.
    pub(super) fn at(&self, budget: f64) -> Vec<Option<(f64, f64)>> {
        let sizes = self.log_n.iter().zip(&self.log_f);
        sizes.map(|(n, f)| Some((*n, budget.ln() - f))).collect()
    }

    /// Creates a size from each arm's log N and log FLOPs per token. `None` unless all arms have
    /// them.
    fn of(label: Option<&str>, arms: impl Iterator<Item = Option<(f64, f64)>>) -> Option<Self> {
        let (log_n, log_f) = arms.collect::<Option<_>>()?;
        Some(Self {
            label: label.map(str::to_owned),
            log_n,
            log_f,
        })
    }
}

fn interpolated(arms: &[&ArmRuns<'_>], own: &[GridRung]) -> Vec<GridRung> {
    let gaps = own
        .windows(2)
        .map(|pair| pair[1].log_n[0] - pair[0].log_n[0]);
    let step = middle(gaps).unwrap_or(0.7).clamp(0.2, 0.7);
    let moved = |rung: &GridRung, by: f64| new(arms, rung.log_n.iter().map(|n| n + by).collect());
    let mut rungs: Vec<GridRung> = own
        .iter()
        .take(1)
        .map(|least| moved(least, -step))
        .collect();
    for (at, rung) in own.iter().enumerate() {
        rungs.push(rung.clone());
        let next = own.get(at + 1);
        if let Some(next) = next.filter(|next| next.log_n[0] - rung.log_n[0] > INSERT_LOG_GAP) {
            let pairs = rung.log_n.iter().zip(&next.log_n);
            rungs.push(new(
                arms,
                pairs.map(|(a, b)| f64::midpoint(*a, *b)).collect(),
            ));
        }
    }
    if let Some(largest) = own.last() {
        rungs.extend((1..=ABOVE).map(|i| moved(largest, step * i as f64)));
    }
    rungs
}

/// Creates a size that no run has.
fn new(arms: &[&ArmRuns<'_>], log_n: Vec<f64>) -> GridRung {
    let costs = arms.iter().zip(&log_n);
    GridRung {
        label: None,
        log_f: costs.map(|(arm, n)| arm.per_token.log(*n)).collect(),
        log_n,
    }
}

/// Returns the upper median.
fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Returns the sizes that all arms share, by name. Their N may differ between arms
/// (`arch::Architecture::at`).
fn shared(arms: &[&ArmRuns<'_>]) -> Vec<GridRung> {
    let mut named: BTreeMap<&str, Vec<Option<(f64, f64)>>> = BTreeMap::new();
    for (arm, of) in arms.iter().enumerate() {
        for run in &of.runs {
            let places = named
                .entry(run.size.as_str())
                .or_insert_with(|| vec![None; arms.len()]);
            places[arm] = Some(run.token_cost());
        }
    }
    let mut rungs: Vec<GridRung> = named
        .into_iter()
        .filter_map(|(label, places)| GridRung::of(Some(label), places.into_iter()))
        .collect();
    if rungs.len() < 2 {
        // If the arms name their sizes differently, use the sizes of the first arm.
        let runs = arms.iter().take(1).flat_map(|arm| &arm.runs);
        let rung = |run: &&Observation| new(arms, vec![run.params.ln(); arms.len()]);
        rungs = runs.map(rung).collect();
    }
    rungs.sort_by(|a, b| a.log_n[0].total_cmp(&b.log_n[0]));
    rungs.dedup_by(|a, b| (a.log_n[0] - b.log_n[0]).abs() < MIN_LOG_GAP);
    rungs
}

/// Returns the budgets of the arms, those between them, and larger ones up to the maximum cost of
/// one run.
pub(super) fn budgets(arms: &[&ArmRuns<'_>], most: f64) -> Vec<f64> {
    let runs = arms.iter().flat_map(|arm| &arm.runs);
    let own = thinned(distinct(runs.map(|run| run.budget.value())), BUDGETS);
    let pairs = || own.windows(2).map(|pair| (pair[0], pair[1]));
    let ratio = middle(pairs().map(|(a, b)| b / a))
        .unwrap_or(2.5)
        .clamp(2.0, 4.0);
    let wide = pairs().filter(|(a, b)| b / a > 1.8);
    let mut budgets: Vec<f64> = wide.map(|(a, b)| round((a * b).sqrt())).collect();
    if let Some(largest) = own.last() {
        let larger = (1..).map(|i| round(largest * ratio.powi(i)));
        budgets.extend(larger.take_while(|b| *b <= BEYOND * largest));
    }
    budgets.retain(|budget| *budget <= most);
    budgets.extend(own);
    budgets.sort_by(f64::total_cmp);
    budgets
}

/// Keeps evenly spaced values, including the first and the last.
fn thinned<T: Clone>(values: Vec<T>, most: usize) -> Vec<T> {
    if values.len() <= most {
        return values;
    }
    (0..most)
        .map(|i| values[i * (values.len() - 1) / (most - 1)].clone())
        .collect()
}

/// Rounds to two significant digits, as people write budgets.
fn round(value: f64) -> f64 {
    let scale = 10f64.powf(value.log10().floor() - 1.0);
    // Format and parse, so that the value equals the number that is shown.
    format!("{:.1e}", (value / scale).round() * scale)
        .parse()
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_round() {
        assert_eq!(
            [round(6.3245e10), round(9.97e17), round(123.4)],
            [6.3e10, 1e18, 120.0]
        );
    }

    #[test]
    fn thinning_keeps_both_ends() {
        assert_eq!(thinned((0..100).collect(), 3), [0, 49, 99]);
        assert_eq!(thinned(vec![1, 2], 3), [1, 2]);
    }
}
