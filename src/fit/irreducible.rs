//! L*(C) = E + a·C^-k through optima, with E free, for one arm or common to two.

use schemars::JsonSchema;
use serde::Serialize;

use super::Profile;
use super::frontier::usable;
use super::law::PowerLaw;
use super::line::LinearFit;
use super::numbers::range;
use super::scalar;

/// Frontier with a fitted irreducible loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct IrreducibleFit {
    /// Irreducible loss, nats/token.
    #[serde(rename = "E")]
    pub e: f64,
    /// Factor, nats/token at C = 1.
    pub a: f64,
    /// Exponent.
    pub k: f64,
    /// True if E is at 0 or just below the lowest loss, so that the vertices do not identify it.
    pub at_bound: bool,
}

/// Minimum number of optima for a fit of three parameters.
const FEWEST: usize = 4;

/// Fits the frontier of one arm. `None` with fewer than four optima.
pub(super) fn irreducible(profiles: &[Profile]) -> Option<IrreducibleFit> {
    let (law, at_bound) = through(&optima(profiles))?;
    Some(IrreducibleFit {
        e: law.e,
        a: law.log_a.exp(),
        k: law.k,
        at_bound,
    })
}

/// Fits a law through optima, given as (log C, L*), and reports whether its E is at a bound. `None`
/// with fewer than four optima.
pub(super) fn through(optima: &[(f64, f64)]) -> Option<(PowerLaw, bool)> {
    if optima.len() < FEWEST {
        return None;
    }
    let (e, at_bound) = common(&[optima]);
    Some((above(optima, e)?, at_bound))
}

/// Fits the laws of two arms with a common E and separate exponents. Returns E, whether it is at a
/// bound, and the laws. `None` if either arm has fewer than four optima.
pub(super) fn shared(arms: [&[Profile]; 2]) -> Option<(f64, bool, [PowerLaw; 2])> {
    let arms = arms.map(optima);
    if arms.iter().any(|arm| arm.len() < FEWEST) {
        return None;
    }
    let (e, at_bound) = common(&[&arms[0], &arms[1]]);
    Some((e, at_bound, [above(&arms[0], e)?, above(&arms[1], e)?]))
}

/// Fits the law of an arm with a fixed E. `None` unless E is below every optimum.
pub(super) fn pinned(profiles: &[Profile], e: f64) -> Option<PowerLaw> {
    let optima = optima(profiles);
    (optima.len() >= 2 && optima.iter().all(|(_, loss)| *loss > e))
        .then(|| above(&optima, e))
        .flatten()
}

/// Fits a common exponent to both arms, which makes their frontiers parallel (So et al.,
/// arXiv:2109.08668). Returns k and the multiplier, which is then the same at every compute.
pub(super) fn parallel(arms: [&[Profile]; 2]) -> Option<(f64, f64)> {
    let arms = arms.map(optima);
    if arms.iter().any(|arm| arm.len() < 2) {
        return None;
    }
    let centred = arms.map(|arm| {
        let count = arm.len() as f64;
        let (x, y) = arm.iter().fold((0.0, 0.0), |(x, y), (c, loss)| {
            (x + c / count, y + loss.ln() / count)
        });
        let sum = |of: &dyn Fn(f64, f64) -> f64| {
            arm.iter()
                .map(|(c, loss)| of(c - x, loss.ln() - y))
                .sum::<f64>()
        };
        (x, y, sum(&|x, _| x * x), sum(&|x, y| x * y))
    });
    let slope = (centred[0].3 + centred[1].3) / (centred[0].2 + centred[1].2);
    let intercept = |arm: usize| centred[arm].1 - slope * centred[arm].0;
    (slope < 0.0).then(|| (-slope, ((intercept(0) - intercept(1)) / -slope).exp()))
}

/// Optima as (log C, L*).
type Optima = Vec<(f64, f64)>;

fn optima(profiles: &[Profile]) -> Optima {
    let vertices = usable(profiles).into_iter();
    vertices
        .map(|(flops, vertex)| (flops.ln(), vertex.loss_opt))
        .collect()
}

fn above(optima: &[(f64, f64)], e: f64) -> Option<PowerLaw> {
    let fitted = line_above(optima, e);
    (fitted.slope < 0.0).then_some(PowerLaw {
        e,
        log_a: fitted.intercept,
        k: -fitted.slope,
    })
}

/// Returns the E with the least sum of squares of log L̂ - log L over all arms, and whether it is
/// at a bound.
fn common(arms: &[&[(f64, f64)]]) -> (f64, bool) {
    let losses = arms
        .iter()
        .flat_map(|arm| arm.iter())
        .map(|(_, loss)| *loss);
    let (least, _) = range(losses);
    let squares = |e: f64| arms.iter().map(|arm| squares(arm, e)).sum::<f64>();
    // There can be several minima. Refine the best point of a grid between its neighbours.
    const GRID: usize = 100;
    let at = |i: usize| least * i as f64 / GRID as f64;
    let best = (0..GRID)
        .min_by(|a, b| squares(at(*a)).total_cmp(&squares(at(*b))))
        .unwrap_or(0);
    let (from, to) = (at(best.saturating_sub(1)), at(best + 1) * (1.0 - 1e-6));
    let e = scalar::minimum(squares, from, to, 1e-9);
    (e, e < 1e-3 * least || e > 0.985 * least)
}

fn squares(optima: &[(f64, f64)], e: f64) -> f64 {
    let fitted = line_above(optima, e);
    optima
        .iter()
        .map(|(c, loss)| ((e + fitted.at(*c).exp()) / loss).ln().powi(2))
        .sum()
}

/// Fits log(L - E) in log C by least squares. The weights are those of residuals in log L:
/// ((L - E)/L)².
fn line_above(optima: &[(f64, f64)], e: f64) -> LinearFit {
    let weighted: Vec<(f64, f64, f64)> = optima
        .iter()
        .map(|(c, loss)| (*c, (loss - e).ln(), ((loss - e) / loss).powi(2)))
        .collect();
    let total: f64 = weighted.iter().map(|p| p.2).sum();
    let mean =
        |of: fn(&(f64, f64, f64)) -> f64| weighted.iter().map(|p| p.2 * of(p)).sum::<f64>() / total;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let xx: f64 = weighted.iter().map(|p| p.2 * (p.0 - x).powi(2)).sum();
    let xy: f64 = weighted.iter().map(|p| p.2 * (p.0 - x) * (p.1 - y)).sum();
    LinearFit {
        intercept: y - xy / xx * x,
        slope: xy / xx,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn optima(law: PowerLaw) -> Optima {
        (0..6)
            .map(|i| {
                (
                    23.0 + 1.5 * f64::from(i),
                    law.loss((23.0 + 1.5 * f64::from(i)).exp()),
                )
            })
            .collect()
    }

    #[test]
    fn a_shared_floor_is_recovered() {
        let (first, second) = (
            PowerLaw {
                e: 1.5,
                log_a: 4.0,
                k: 0.15,
            },
            PowerLaw {
                e: 1.5,
                log_a: 3.8,
                k: 0.16,
            },
        );
        let arms = [optima(first), optima(second)];
        let (e, at_bound) = common(&[&arms[0], &arms[1]]);
        assert!((e - 1.5).abs() < 1e-4 && !at_bound, "{e}");
        for (arm, law) in arms.iter().zip([first, second]) {
            let found = above(arm, e).unwrap();
            assert!((found.k - law.k).abs() < 1e-4 && (found.log_a - law.log_a).abs() < 1e-2);
        }
        // Without an irreducible loss, E ends at its bound and is reported there.
        let (e, at_bound) = common(&[&optima(PowerLaw {
            e: 0.0,
            log_a: 3.0,
            k: 0.05,
        })]);
        assert!(e < 0.01 && at_bound, "{e}");
    }
}
