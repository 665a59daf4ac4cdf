//! Scatter of runs around their surfaces, and its correlation between two arms.

use std::collections::BTreeMap;

use super::super::Observation;
use super::super::numbers::mean;
use super::super::study::between_seeds;
use super::super::surface::Surface;
use super::design::NoisySurface;

/// Number of parameters of a surface.
const SPENT: f64 = 5.0;
/// Minimum number of pairs for the estimate of a correlation.
const PAIRS: usize = 4;
/// Largest correlation that the design assumes.
const MAX_CORRELATION: f64 = 0.95;

/// Estimates the noise around a surface: σ² from all residuals, s² of it from seeds that share a
/// size and a budget, and τ² as the rest. With one seed they cannot be distinguished, and all of σ²
/// counts as s².
pub(super) fn around(surface: Surface, runs: &[&Observation]) -> NoisySurface {
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
    NoisySurface {
        surface,
        centre: (middle(|run| run.params), middle(|run| run.tokens)),
        misfit: all - seed,
        seed,
    }
}

/// Returns ρ of the residuals at one size, budget and seed. 0 if the arms share too few runs.
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
        (sum(|p| p.0 * p.1) / scale).clamp(0.0, MAX_CORRELATION)
    } else {
        0.0
    }
}
