//! Frontier of a surface, for a cost per token that is any smooth function f(N).
//!
//! On C = f(N)·D the loss E + A·N^-α + B·D^-β is least where αA·N^-α = s·βB·D^-β, with
//! s = dlog f/dlog N. Each N then has its D, C and L in closed form. With f = 6N, s is 1 and this
//! is equation 4 of Hoffmann et al. (arXiv:2203.15556).

use super::law::FrontierPath;
use super::per_token::PerToken;
use super::surface::Surface;

/// Number of points on a path.
const POINTS: usize = 97;
/// Extent of a path beyond the measured sizes, in log N.
const BEYOND: f64 = 4.0;

/// Computes the frontier of a surface. `None` if a term of the surface is zero, because then no
/// size is optimal.
pub(super) fn path(surface: &Surface, per_token: &PerToken) -> Option<FrontierPath> {
    let log_d = best_tokens(surface, per_token)?;
    let (from, to) = (per_token.ends.0 - BEYOND, per_token.ends.1 + BEYOND);
    let mut path = FrontierPath::default();
    for i in 0..POINTS {
        let log_n = from + (to - from) * i as f64 / (POINTS - 1) as f64;
        let log_d = log_d(log_n);
        let log_flops = per_token.log(log_n) + log_d;
        // More compute must buy a larger model. Otherwise f is too curved for the surface.
        if path.log_flops.last().is_some_and(|last| *last >= log_flops) {
            return None;
        }
        path.log_flops.push(log_flops);
        path.log_loss.push(surface.at(log_n, log_d).ln());
        path.log_n.push(log_n);
        path.log_d.push(log_d);
    }
    Some(path)
}

/// Returns the function from log N to the log D for which that size is optimal. `None` if a term of
/// the surface is zero.
fn best_tokens(s: &Surface, per_token: &PerToken) -> Option<impl Fn(f64) -> f64> {
    let ratio = (s.alpha * s.a).ln() - (s.beta * s.b).ln();
    let log_d = move |log_n: f64| (s.alpha * log_n - ratio + per_token.slope(log_n).ln()) / s.beta;
    ratio.is_finite().then_some(log_d)
}

/// Range of the search for an optimum, in log N. No model is smaller or larger.
const SIZES: (f64, f64) = (0.0, 69.0);

/// Returns (log N*, log D*) at log C, by bisection, at any distance from the measured runs. If
/// [`path`] returns a path, more compute buys a larger model, so the optimum is unique.
pub(super) fn optimum(
    surface: &Surface,
    per_token: &PerToken,
    log_flops: f64,
) -> Option<(f64, f64)> {
    let log_d = best_tokens(surface, per_token)?;
    let beyond = |log_n: f64| per_token.log(log_n) + log_d(log_n) - log_flops;
    let (mut low, mut high) = SIZES;
    if beyond(low) > 0.0 || beyond(high) < 0.0 {
        return None;
    }
    // Each step halves the bracket. 69 / 2^60 is less than the last digit.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        *(if beyond(middle) > 0.0 {
            &mut high
        } else {
            &mut low
        }) = middle;
    }
    // D follows from the constraint, so the cost is exactly C.
    Some((low, log_flops - per_token.log(low)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::law::Law;
    use super::*;

    proptest! {
        /// Compute to loss and back, for any cost of a token.
        #[test]
        fn compute_comes_back_from_its_loss(log_c in 35.0..60.0f64, overhead in 1e6..1e9f64) {
            let surface = Surface { e: 1.69, a: 406.4, b: 410.7, alpha: 0.34, beta: 0.28 };
            let bent = (0..12).map(|i| 1e6 * 3f64.powi(i)).map(|n| (n.ln(), (6.0 * n + overhead * n.powf(0.3)).ln()));
            for cost in [PerToken::fit(&bent.collect::<Vec<_>>()).unwrap(), PerToken::six_n()] {
                let law = Law::Path(path(&surface, &cost).unwrap());
                let back = law.flops(law.loss(log_c.exp()).unwrap()).unwrap();
                prop_assert!((back.ln() - log_c).abs() < 1e-6, "{} {log_c}", back.ln());
            }
            assert_eq!(Law::Path(path(&surface, &PerToken::six_n()).unwrap()).flops(surface.e), None);
        }
    }

    /// Hoffmann et al., equation 4: N* = G·(C/6)^(β/(α+β)), G = (αA/βB)^(1/(α+β)).
    #[test]
    fn six_nd_has_the_closed_form() {
        let surface = Surface {
            e: 1.69,
            a: 406.4,
            b: 410.7,
            alpha: 0.34,
            beta: 0.28,
        };
        let six = PerToken::six_n();
        let path = path(&surface, &six).unwrap();
        for flops in [1e18f64, 1e20, 3e21] {
            let g = (0.34f64 * 406.4 / (0.28 * 410.7)).powf(1.0 / 0.62);
            let n = g * (flops / 6.0).powf(0.28 / 0.62);
            let (n_opt, d_opt) = path.optimum(flops).unwrap();
            assert!((n_opt / n - 1.0).abs() < 1e-9, "{n_opt} {n}");
            assert!((d_opt / (flops / 6.0 / n) - 1.0).abs() < 1e-9);
            let (log_n, log_d) = optimum(&surface, &six, flops.ln()).unwrap();
            assert!(
                (log_n.exp() / n - 1.0).abs() < 1e-9 && (log_d.exp() / d_opt - 1.0).abs() < 1e-9
            );
        }
    }

    /// Every other size on C = f(N)·D has a higher loss.
    #[test]
    fn the_path_is_the_optimum() {
        let surface = Surface {
            e: 1.2,
            a: 30.0,
            b: 90.0,
            alpha: 0.3,
            beta: 0.35,
        };
        let f: Vec<(f64, f64)> = (9..=14)
            .map(f64::from)
            .map(|n| (n, 3.0 + 0.8 * n + 0.01 * n * n))
            .collect();
        let f = PerToken::fit(&f).unwrap();
        let path = path(&surface, &f).unwrap();
        for (i, log_c) in path.log_flops.iter().enumerate() {
            let loss = |log_n: f64| surface.loss(log_n.exp(), (log_c - f.log(log_n)).exp());
            let best = path.log_loss[i].exp();
            assert!((loss(path.log_n[i]) / best - 1.0).abs() < 1e-12);
            assert!(loss(path.log_n[i] - 0.05) > best && loss(path.log_n[i] + 0.05) > best);
        }
    }
}
