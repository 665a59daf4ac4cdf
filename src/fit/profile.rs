//! Approach 2 of Hoffmann et al. (arXiv:2203.15556, section 3.2): at one budget, a parabola of the
//! loss in log N, whose vertex gives N* and L*.

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

use super::{Interval, Observation};

/// Fewest runs, and fewest sizes, that a profile is fitted from.
pub(super) const FEWEST: usize = 4;

/// The runs of one arm at one budget, and their parabola.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Budget asked for, FLOPs.
    pub budget: f64,
    /// Geometric mean of the FLOPs spent: the compute that the vertex belongs to.
    pub flops: f64,
    /// The runs, smallest model first.
    pub points: Vec<Observation>,
    /// The fit.
    pub vertex: Result<Vertex, ProfileRefusal>,
}

/// The optimum of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The curve.
    pub parabola: Parabola,
    /// Root mean square of the residuals, nats/token.
    pub residual: f64,
    /// How far it can be trusted.
    pub status: VertexStatus,
}

/// L = loss_opt + curvature·(log N - log n_opt)².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parabola {
    /// log N*.
    pub log_n_opt: f64,
    /// L*, nats/token.
    pub loss_opt: f64,
    /// Coefficient of (log N - log N*)², positive.
    pub curvature: f64,
}

impl Parabola {
    /// The loss at N parameters.
    pub fn loss(&self, n: f64) -> f64 {
        self.loss_opt + self.curvature * (n.ln() - self.log_n_opt).powi(2)
    }
}

/// How far a vertex can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VertexStatus {
    /// Measured sizes on both sides, and the least loss measured is not at an end.
    Interior,
    /// Within the measured sizes, but the least loss measured is at the smallest or the largest.
    AtEdge,
    /// Outside the measured sizes: not used for the frontier.
    Extrapolated,
}

impl VertexStatus {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interior => "interior",
            Self::AtEdge => "at edge",
            Self::Extrapolated => "extrapolated",
        }
    }
}

/// Why a profile has no vertex.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ProfileRefusal {
    /// Too little to fit three numbers and see a residual.
    #[error("{runs} finished runs of {sizes} sizes; a profile needs at least {FEWEST} of each")]
    TooFew {
        /// Finished runs.
        runs: usize,
        /// Distinct sizes among them.
        sizes: usize,
    },
    /// A maximum is not an optimum.
    #[error("the parabola opens downwards (curvature {curvature:.3}): it has no minimum")]
    NotConvex {
        /// Coefficient of (log N)².
        curvature: f64,
    },
}

/// Fits a profile, all runs alike.
pub(super) fn fit(cell: Vec<(usize, &Observation)>, budget: f64) -> Profile {
    let mut points: Vec<Observation> = cell.into_iter().map(|(_, o)| o.clone()).collect();
    points.sort_by(|a, b| a.params.total_cmp(&b.params).then(a.seed.cmp(&b.seed)));
    let flops = (points.iter().map(|o| o.flops.ln()).sum::<f64>() / points.len() as f64).exp();
    let vertex = vertex(&points);
    Profile { budget, flops, points, vertex }
}

fn vertex(points: &[Observation]) -> Result<Vertex, ProfileRefusal> {
    let sizes = distinct(points.iter().map(|o| o.params));
    if points.len() < FEWEST || sizes < FEWEST {
        return Err(ProfileRefusal::TooFew { runs: points.len(), sizes });
    }
    let data: Vec<(f64, f64, f64)> = points.iter().map(|o| (o.params.ln(), o.loss, 1.0)).collect();
    let parabola = parabola(&data)?;
    let residual =
        (points.iter().map(|o| (o.loss - parabola.loss(o.params)).powi(2)).sum::<f64>() / points.len() as f64).sqrt();
    let n_opt = parabola.log_n_opt.exp();
    Ok(Vertex {
        n_opt,
        n_opt_interval: None,
        loss_opt: parabola.loss_opt,
        loss_opt_interval: None,
        tokens_opt: interpolate_tokens(points, n_opt),
        parabola,
        residual,
        status: status(points, n_opt),
    })
}

/// Weighted least squares of (log N, L, weight).
pub(super) fn parabola(data: &[(f64, f64, f64)]) -> Result<Parabola, ProfileRefusal> {
    // Centred and scaled, so that the normal equations are well conditioned.
    let weight: f64 = data.iter().map(|(_, _, w)| w).sum();
    let centre = data.iter().map(|(x, _, w)| w * x).sum::<f64>() / weight;
    let scale = (data.iter().map(|(x, _, w)| w * (x - centre).powi(2)).sum::<f64>() / weight).sqrt();
    let (mut normal, mut right) = (Matrix3::zeros(), Vector3::zeros());
    for (x, y, w) in data {
        let row = Vector3::new(1.0, (x - centre) / scale, ((x - centre) / scale).powi(2));
        normal += row * row.transpose() * *w;
        right += row * (*y * *w);
    }
    let flat = ProfileRefusal::NotConvex { curvature: 0.0 };
    let c = normal.cholesky().ok_or(flat)?.solve(&right);
    let curvature = c[2] / scale.powi(2);
    // A NaN is no minimum either.
    if curvature.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
        return Err(ProfileRefusal::NotConvex { curvature });
    }
    let at = -c[1] / (2.0 * c[2]);
    Ok(Parabola { log_n_opt: centre + scale * at, loss_opt: c[0] - c[2] * at * at, curvature })
}

fn status(points: &[Observation], n_opt: f64) -> VertexStatus {
    let (first, last) = (points[0].params, points[points.len() - 1].params);
    if !(first..=last).contains(&n_opt) {
        return VertexStatus::Extrapolated;
    }
    let mean = |size: f64| {
        let losses: Vec<f64> = points.iter().filter(|o| o.params == size).map(|o| o.loss).collect();
        losses.iter().sum::<f64>() / losses.len() as f64
    };
    let ends = mean(first).min(mean(last));
    let within =
        points.iter().map(|o| o.params).filter(|n| *n > first && *n < last).map(mean).fold(f64::INFINITY, f64::min);
    if within < ends { VertexStatus::Interior } else { VertexStatus::AtEdge }
}

/// log D against log N is smooth at a fixed budget: a straight line between neighbours is enough.
fn interpolate_tokens(points: &[Observation], n: f64) -> Option<f64> {
    let pair = points
        .windows(2)
        .find(|pair| (pair[0].params..=pair[1].params).contains(&n) && pair[0].params < pair[1].params)?;
    let share = (n / pair[0].params).ln() / (pair[1].params / pair[0].params).ln();
    Some((pair[0].tokens.ln() + share * (pair[1].tokens / pair[0].tokens).ln()).exp())
}

fn distinct(values: impl Iterator<Item = f64>) -> usize {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Further;
    use super::*;

    fn points(curve: impl Fn(f64) -> f64, sizes: &[f64]) -> Vec<Observation> {
        let observation = |n: &f64| Observation {
            run: String::new(),
            arm: "a".into(),
            size: n.to_string(),
            seed: 1,
            budget: 1e12,
            lr_factor: 1.0,
            flops: 1e12,
            params: *n,
            tokens: 1e12 / (6.0 * n),
            loss: curve(n.ln()),
            further: Further::default(),
        };
        sizes.iter().map(observation).collect()
    }

    proptest! {
        /// A parabola is found exactly, wherever its vertex lies, and its status says where that is.
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
        assert_eq!(super::vertex(&falling).unwrap().status, VertexStatus::Interior);
        falling[0].loss = 3.0;
        assert_eq!(super::vertex(&falling).unwrap().status, VertexStatus::AtEdge);
    }
}
