//! Power laws of the best learning rate and batch in compute, for studies that varied them (Bi et
//! al., DeepSeek LLM, arXiv:2401.02954, section 3.1: each is a power of C).

use std::collections::BTreeMap;

use isoflop_core::run::Budget;
use isoflop_core::units::NumberKey;
use schemars::JsonSchema;
use serde::Serialize;

use super::interval::student;
use super::line::line;
use super::numbers::{distinct, mean};
use super::polynomial::{ProfileForm, minimum};
use super::{Interval, Observation, Study};

/// Training setting that a study may vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HyperParameter {
    /// Peak learning rate.
    LearningRate,
    /// Tokens per step.
    BatchTokens,
}

/// Best values of a setting for one arm, and their power law in compute.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HyperLaw {
    /// Name of the arm.
    pub arm: String,
    /// Setting.
    pub of: HyperParameter,
    /// Optimum at each size and budget with at least three values tried.
    pub optima: Vec<HyperOptimum>,
    /// Power law through the optima inside the tried values; absent with fewer than three computes.
    pub law: Option<HyperPower>,
}

/// Best value of a setting at one size and budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HyperOptimum {
    /// N, parameters.
    pub params: f64,
    /// D, tokens.
    pub tokens: f64,
    /// C, FLOPs.
    pub flops: f64,
    /// Number of values tried.
    pub tried: usize,
    /// Vertex of a parabola of the loss in the setting's logarithm, or the best tried value if
    /// there is no vertex inside the tried values.
    pub best: f64,
    /// True if the best tried value is the smallest or the largest, so that the optimum may be
    /// outside.
    pub at_edge: bool,
}

/// Power law best = factor·C^exponent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HyperPower {
    /// Value at C = 1, in the setting's unit.
    pub factor: f64,
    /// Exponent of C.
    pub exponent: f64,
    /// 95% interval of the exponent, by least squares and Student's distribution.
    pub exponent_interval: Option<Interval>,
}

/// Fewest values for an optimum, and fewest computes for a law.
const FEWEST: usize = 3;

/// Fits the laws of every arm that varied a setting.
pub(super) fn laws(study: &Study) -> Vec<HyperLaw> {
    let arms = study.arms();
    let settings = [HyperParameter::LearningRate, HyperParameter::BatchTokens];
    arms.iter()
        .flat_map(|arm| settings.into_iter().filter_map(|of| law(study, arm, of)))
        .collect()
}

fn law(study: &Study, arm: &str, of: HyperParameter) -> Option<HyperLaw> {
    let mut cells: BTreeMap<(NumberKey, Budget), Vec<(f64, &Observation)>> = BTreeMap::new();
    for (_, run) in study.runs_of(arm) {
        if let Some(value) = value(run, of) {
            let cell = cells
                .entry((NumberKey(run.params), run.budget))
                .or_default();
            cell.push((value, run));
        }
    }
    let optima: Vec<HyperOptimum> = cells.values().filter_map(|cell| optimum(cell)).collect();
    let law = power(&optima);
    (!optima.is_empty()).then(|| HyperLaw {
        arm: arm.to_owned(),
        of,
        optima,
        law,
    })
}

fn value(run: &Observation, of: HyperParameter) -> Option<f64> {
    match of {
        HyperParameter::LearningRate => run.optional.learning_rate,
        HyperParameter::BatchTokens => run.optional.batch_tokens,
    }
}

/// Finds the optimum of one size and budget. Of runs that share a value (other seeds, another
/// setting), the best counts.
fn optimum(cell: &[(f64, &Observation)]) -> Option<HyperOptimum> {
    let mut least: BTreeMap<NumberKey, f64> = BTreeMap::new();
    for (value, run) in cell {
        let loss = least.entry(NumberKey(*value)).or_insert(run.loss);
        *loss = loss.min(run.loss);
    }
    if least.len() < FEWEST {
        return None;
    }
    let tried: Vec<(f64, f64)> = least.into_iter().map(|(of, loss)| (of.0, loss)).collect();
    let at = (0..tried.len()).min_by(|a, b| tried[*a].1.total_cmp(&tried[*b].1))?;
    let at_edge = at == 0 || at + 1 == tried.len();
    // A parabola through the best value and its neighbours. Further away the loss is not parabolic.
    let near = &tried[at.saturating_sub(1)..(at + 2).min(tried.len())];
    let near = near.iter().map(|(value, loss)| (value.ln(), *loss, 1.0));
    let vertex = minimum(ProfileForm::Parabola, &near.collect::<Vec<_>>());
    let vertex = vertex.ok().filter(|_| !at_edge);
    let run = cell[0].1;
    Some(HyperOptimum {
        params: run.params,
        tokens: run.tokens,
        flops: run.flops,
        tried: tried.len(),
        best: vertex.map_or(tried[at].0, |vertex| vertex.log_n_opt.exp()),
        at_edge,
    })
}

fn power(optima: &[HyperOptimum]) -> Option<HyperPower> {
    let points: Vec<(f64, f64)> = optima
        .iter()
        .filter(|o| !o.at_edge)
        .map(|o| (o.flops.ln(), o.best.ln()))
        .collect();
    let computes = distinct(points.iter().map(|p| (p.0 * 100.0).round()));
    if computes.len() < FEWEST {
        return None;
    }
    let fitted = line(points.iter().copied());
    let freedom = points.len() as f64 - 2.0;
    let mean = mean(points.iter().map(|p| p.0));
    let (spread, squares) = points.iter().fold((0.0, 0.0), |(xx, rr), (x, y)| {
        (xx + (x - mean).powi(2), rr + (y - fitted.at(*x)).powi(2))
    });
    let half = student(freedom) * (squares / freedom / spread).sqrt();
    Some(HyperPower {
        factor: fitted.intercept.exp(),
        exponent: fitted.slope,
        exponent_interval: Some(Interval::around(fitted.slope, half)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::OptionalMeasurements;
    use super::*;

    /// Simulates lr* = 0.3·C^-0.12, with five rates in steps of 1.5 around it. One budget has its
    /// best rate at an edge.
    fn study() -> Study {
        let mut study = Study::default();
        for (flops, centre) in [
            (1e15, 1.0),
            (1e16, 1.1),
            (1e17, 0.9),
            (1e18, 1.0),
            (1e19, 40.0),
        ] {
            let best = 0.3 * f64::powf(flops, -0.12);
            for step in -2..=2 {
                let learning_rate = best * centre * 1.5f64.powi(step);
                study.observations.push(Observation {
                    run: String::new(),
                    arm: "a".into(),
                    size: "s".into(),
                    seed: 1,
                    budget: Budget::Flops(flops),
                    lr_factor: 1.0,
                    flops,
                    params: 1e6,
                    tokens: flops / 6e6,
                    loss: 2.0 + 0.1 * (learning_rate / best).ln().powi(2),
                    optional: OptionalMeasurements {
                        learning_rate: Some(learning_rate),
                        ..OptionalMeasurements::default()
                    },
                });
            }
        }
        study
    }

    #[test]
    fn the_best_rate_is_a_power_of_compute() {
        let laws = laws(&study());
        assert_eq!(laws.len(), 1);
        let edges: Vec<bool> = laws[0].optima.iter().map(|o| o.at_edge).collect();
        assert_eq!(edges, [false, false, false, false, true]);
        let law = laws[0].law.unwrap();
        assert!(
            (law.exponent + 0.12).abs() < 1e-9 && (law.factor / 0.3 - 1.0).abs() < 1e-6,
            "{law:?}"
        );
        let interval = law.exponent_interval.unwrap();
        assert!(interval.low <= law.exponent && law.exponent <= interval.high);
    }

    #[test]
    fn a_setting_that_was_not_varied_has_no_law() {
        let mut study = study();
        study
            .observations
            .iter_mut()
            .for_each(|run| run.optional.learning_rate = Some(0.01));
        assert_eq!(super::laws(&study), []);
    }
}
