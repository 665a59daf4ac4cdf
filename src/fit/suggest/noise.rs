//! How the runs of two arms scatter around their surfaces.

use std::collections::BTreeMap;

use super::super::Observation;
use super::super::numbers::mean;
use super::super::study::between_seeds;
use super::super::surface::Surface;
use super::design::Noisy;

/// Parameters of a surface.
const SPENT: f64 = 5.0;
/// Pairs from which a correlation is believed, and the most that is believed.
const PAIRS: usize = 4;
const MOST: f64 = 0.95;

/// The surface with its noise: σ² from all residuals, s² of it from seeds that share a size and a budget, the rest τ². With
/// one seed nothing tells them apart, and all of it counts as the seeds'.
pub(super) fn around(surface: Surface, runs: &[&Observation]) -> Noisy {
    let count = runs.len() as f64;
    let middle = |of: fn(&Observation) -> f64| mean(runs.iter().map(|run| of(run).ln()));
    let all = runs
        .iter()
        .map(|run| run.error(&surface).powi(2))
        .sum::<f64>()
        / (count - SPENT).max(1.0);
    let seed = between_seeds(runs.iter().copied(), |run| run.loss.ln())
        .unwrap_or(all)
        .min(all);
    Noisy {
        surface,
        centre: (middle(|run| run.params), middle(|run| run.tokens)),
        misfit: all - seed,
        seed,
    }
}

/// ρ of the residuals at one size, budget and seed; 0 where the arms share too few.
pub(super) fn correlation(arms: [(&Surface, &[&Observation]); 2]) -> f64 {
    let [first, second] = arms.map(|(surface, runs)| {
        let keyed =
            |run: &&Observation| ((run.size.clone(), run.budget, run.seed), run.error(surface));
        runs.iter().map(keyed).collect::<BTreeMap<_, _>>()
    });
    let pairs: Vec<(f64, f64)> = first
        .iter()
        .filter_map(|(key, r)| Some((*r, *second.get(key)?)))
        .collect();
    if pairs.len() < PAIRS {
        return 0.0;
    }
    let sum = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let scale = (sum(|p| p.0 * p.0) * sum(|p| p.1 * p.1)).sqrt();
    if scale > 0.0 {
        (sum(|p| p.0 * p.1) / scale).clamp(0.0, MOST)
    } else {
        0.0
    }
}
