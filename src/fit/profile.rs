//! Approach 2 of Hoffmann et al. (arXiv:2203.15556, section 3.2): at one budget, a parabola of the
//! loss in log N, whose vertex is N* and L*.

use isoflop_core::run::Budget;
use schemars::JsonSchema;
use serde::Serialize;

use super::numbers::{are_equal_up_to_rounding, distinct, mean, range, rms};
use super::polynomial::{FEWEST, Parabola, ProfileForm, ProfileRefusal, WeightedPoint, minimum};
use super::{Interval, Observation, budget_json};

/// Runs of one arm at one budget, with their parabola.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Profile {
    /// Requested budget, FLOPs.
    #[serde(serialize_with = "budget_json::value")]
    #[schemars(with = "f64")]
    pub budget: Budget,
    /// Compute of the vertex, FLOPs: the geometric mean of what the runs spent. If they spent
    /// unequally (with a cost axis other than FLOPs), the value interpolated at N*.
    pub flops: f64,
    /// Runs, smallest model first.
    pub points: Vec<Observation>,
    /// Optimum, or the reason that it is missing.
    #[serde(serialize_with = "super::answer")]
    #[schemars(with = "super::FitAnswer<Vertex>")]
    pub vertex: Result<Vertex, ProfileRefusal>,
    /// Optimum by each other form of curve that has one.
    pub other_forms: Vec<OtherForm>,
}

impl Profile {
    /// Returns the vertex if it is within the measured sizes. Frontiers go through these vertices.
    pub fn usable_vertex(&self) -> Option<Vertex> {
        let vertex = self.vertex.ok();
        vertex.filter(|vertex| vertex.status != VertexStatus::Extrapolated)
    }

    /// Reports whether a size is within the measured ones.
    pub(super) fn contains_size(&self, n: f64) -> bool {
        let (least, most) = range(self.points.iter().map(|run| run.params));
        (least..=most).contains(&n)
    }
}

/// Optimum by another form of curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OtherForm {
    /// Form of the curve.
    pub form: ProfileForm,
    /// N*, parameters.
    pub n_opt: f64,
    /// L*, nats/token.
    pub loss_opt: f64,
}

/// Optimum of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Vertex {
    /// N*, parameters.
    pub n_opt: f64,
    /// 95% interval of N*.
    pub n_opt_interval: Option<Interval>,
    /// L*, nats/token.
    pub loss_opt: f64,
    /// 95% interval of L*.
    pub loss_opt_interval: Option<Interval>,
    /// D*, tokens, interpolated between the measured sizes; absent outside them.
    pub tokens_opt: Option<f64>,
    /// Fitted curve.
    pub parabola: Parabola,
    /// Root mean square of the residuals, nats/token.
    pub residual: f64,
    /// Reliability of the optimum.
    pub status: VertexStatus,
}

/// Reliability of the optimum of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VertexStatus {
    /// Within the measured sizes, with the lowest measured loss at neither end.
    Interior,
    /// Within the measured sizes, but the lowest measured loss is at the smallest or the largest.
    AtEdge,
    /// Outside the measured sizes: not used for the frontier.
    Extrapolated,
}

impl VertexStatus {
    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interior => "interior",
            Self::AtEdge => "at edge",
            Self::Extrapolated => "extrapolated",
        }
    }
}

/// Fits a profile, with the same weight for all runs.
pub(super) fn fit(cell: &[(usize, &Observation)], budget: Budget) -> Profile {
    let mut points: Vec<Observation> = cell.iter().map(|(_, o)| (*o).clone()).collect();
    points.sort_by(|a, b| a.params.total_cmp(&b.params).then(a.seed.cmp(&b.seed)));
    let vertex = vertex(&points);
    Profile {
        budget,
        flops: compute(&points, vertex.ok().map(|v| v.n_opt)),
        other_forms: other_forms(&points),
        points,
        vertex,
    }
}

/// Largest ratio of the compute of runs at one budget for which their mean is used. Runs spend a
/// budget to the last step.
const MAX_COMPUTE_RATIO: f64 = 1.1;

fn compute(points: &[Observation], n_opt: Option<f64>) -> f64 {
    let logs = points.iter().map(|o| o.flops.ln());
    let (least, most) = range(logs.clone());
    let at_optimum = n_opt
        .filter(|_| most - least > MAX_COMPUTE_RATIO.ln())
        .and_then(|n| interpolate(points, n, |o| o.flops));
    at_optimum.unwrap_or(mean(logs).exp())
}

fn is_flat(points: &[Observation]) -> bool {
    are_equal_up_to_rounding(points.iter().map(|o| o.loss.ln()))
}

fn other_forms(points: &[Observation]) -> Vec<OtherForm> {
    if is_flat(points) {
        return Vec::new();
    }
    let data = unweighted(points);
    let by = |form| {
        let at = minimum(form, &data).ok()?;
        Some(OtherForm {
            form,
            n_opt: at.log_n_opt.exp(),
            loss_opt: at.loss_opt,
        })
    };
    let forms = [ProfileForm::Cubic, ProfileForm::Windowed].into_iter();
    forms.filter_map(by).collect()
}

fn unweighted(points: &[Observation]) -> Vec<WeightedPoint> {
    let points = points.iter();
    points.map(|o| (o.params.ln(), o.loss, 1.0)).collect()
}

fn vertex(points: &[Observation]) -> Result<Vertex, ProfileRefusal> {
    let sizes = distinct(points.iter().map(|o| o.params)).len();
    if points.len() < FEWEST || sizes < FEWEST {
        return Err(ProfileRefusal::TooFew {
            needed: FEWEST,
            runs: points.len(),
            sizes,
        });
    }
    if is_flat(points) {
        return Err(ProfileRefusal::Flat);
    }
    let parabola = minimum(ProfileForm::Parabola, &unweighted(points))?;
    let n_opt = parabola.log_n_opt.exp();
    Ok(Vertex {
        n_opt,
        n_opt_interval: None,
        loss_opt: parabola.loss_opt,
        loss_opt_interval: None,
        tokens_opt: interpolate(points, n_opt, |o| o.tokens),
        parabola,
        residual: rms(points.iter().map(|o| o.loss - parabola.loss(o.params))),
        status: status(points, n_opt),
    })
}

fn status(points: &[Observation], n_opt: f64) -> VertexStatus {
    let (first, last) = (points[0].params, points[points.len() - 1].params);
    if !(first..=last).contains(&n_opt) {
        return VertexStatus::Extrapolated;
    }
    let loss = |size: f64| {
        let runs = points.iter().filter(|o| o.params == size);
        mean(runs.map(|o| o.loss))
    };
    let ends = loss(first).min(loss(last));
    let sizes = points.iter().map(|o| o.params);
    let mut within = sizes.filter(|n| *n > first && *n < last).map(loss);
    if within.any(|loss| loss < ends) {
        VertexStatus::Interior
    } else {
        VertexStatus::AtEdge
    }
}

/// Interpolates a quantity of the runs of one budget (tokens, cost) at N. It is smooth in log N, so
/// a straight line between neighbours is accurate enough.
fn interpolate(points: &[Observation], n: f64, of: impl Fn(&Observation) -> f64) -> Option<f64> {
    let pair = points.windows(2).find(|pair| {
        (pair[0].params..=pair[1].params).contains(&n) && pair[0].params < pair[1].params
    })?;
    let share = (n / pair[0].params).ln() / (pair[1].params / pair[0].params).ln();
    Some((of(&pair[0]).ln() + share * (of(&pair[1]) / of(&pair[0])).ln()).exp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::OptionalMeasurements;
    use super::*;

    fn points(curve: impl Fn(f64) -> f64, sizes: &[f64]) -> Vec<Observation> {
        let observation = |n: &f64| Observation {
            run: String::new(),
            arm: "a".into(),
            size: n.to_string(),
            seed: 1,
            budget: Budget::Flops(1e12),
            lr_factor: 1.0,
            flops: 1e12,
            params: *n,
            tokens: 1e12 / (6.0 * n),
            loss: curve(n.ln()),
            optional: OptionalMeasurements::default(),
        };
        sizes.iter().map(observation).collect()
    }

    proptest! {
        /// A parabola is recovered exactly, wherever its vertex is, and its status matches the
        /// vertex.
        #[test]
        fn exact_parabolas_are_recovered(vertex in 8.0..14.0f64, curvature in 0.01..1.0f64, loss in 1.0..5.0f64) {
            let sizes = [9.0f64, 10.0, 11.0, 12.0, 13.0].map(f64::exp);
            let fitted = super::vertex(&points(|x| loss + curvature * (x - vertex).powi(2), &sizes)).unwrap();
            prop_assert!((fitted.n_opt.ln() - vertex).abs() < 1e-6);
            prop_assert!((fitted.loss_opt - loss).abs() < 1e-8);
            prop_assert!(fitted.residual < 1e-8);
            let inside = (9.0..=13.0).contains(&vertex);
            prop_assert_eq!(fitted.status == VertexStatus::Extrapolated, !inside);
            prop_assert_eq!(fitted.tokens_opt.is_some(), inside);
        }
    }

    /// The minimum of a loss that is cubic in log N is found exactly. A parabola misses it.
    #[test]
    fn a_cubic_finds_what_a_parabola_misses() {
        let law = |x: f64| 3.0 + 0.1 * (x - 10.6).powi(2) - 0.02 * (x - 10.6).powi(3);
        let sizes = [9.0, 9.5, 10.0, 10.5, 11.0, 11.5, 12.0].map(f64::exp);
        let points = points(law, &sizes);
        let forms = other_forms(&points);
        let miss = |n: f64| (n.ln() - 10.6).abs();
        let (cubic, windowed) = (&forms[0], &forms[1]);
        assert!(miss(cubic.n_opt) < 1e-9 && (cubic.loss_opt - 3.0).abs() < 1e-9);
        let parabola = super::vertex(&points).unwrap();
        assert!(miss(parabola.n_opt) > 0.02 && miss(windowed.n_opt) < miss(parabola.n_opt));
    }

    #[test]
    fn refusals_say_why() {
        let sizes = [1e4, 2e4, 4e4, 8e4];
        let hill = super::vertex(&points(|x| 3.0 - 0.1 * (x - 10.0).powi(2), &sizes)).unwrap_err();
        insta::assert_snapshot!(hill, @"the parabola opens downwards (curvature -0.100): it has no minimum");
        let few = super::vertex(&points(|x| x, &sizes[..3])).unwrap_err();
        insta::assert_snapshot!(few, @"3 finished runs of 3 sizes; a profile needs at least 4 of each");
    }

    #[test]
    fn a_least_loss_at_an_end_is_flagged() {
        let mut falling = points(|x| 3.0 + 0.1 * (x - 10.0).powi(2), &[1e4, 2e4, 4e4, 8e4]);
        assert_eq!(
            super::vertex(&falling).unwrap().status,
            VertexStatus::Interior
        );
        falling[0].loss = 3.0;
        assert_eq!(
            super::vertex(&falling).unwrap().status,
            VertexStatus::AtEdge
        );
    }
}
