//! The compute-optimal run on a surface.

use super::super::scalar::minimum;
use super::Surface;

/// FLOPs per token of a model with N parameters: what turns compute into tokens, C = f(N)·D.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenCost {
    /// 6·N (Kaplan et al., arXiv:2001.08361, section 2.1).
    SixN,
    /// Exact counts of the measured sizes: (log N, log f), N rising, straight lines between them and beyond the ends.
    Measured(Vec<(f64, f64)>),
}

impl TokenCost {
    /// From (N, FLOPs per token) in any order; sizes measured twice are averaged. None with fewer than two sizes.
    pub fn measured(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let mut logs: Vec<(f64, f64)> = pairs.into_iter().map(|(n, f)| (n.ln(), f.ln())).collect();
        logs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let same = |a: &(f64, f64), b: &(f64, f64)| a.0 == b.0;
        let mean = |group: &[(f64, f64)]| (group[0].0, group.iter().map(|p| p.1).sum::<f64>() / group.len() as f64);
        let knots: Vec<(f64, f64)> = logs.chunk_by(same).map(mean).collect();
        (knots.len() >= 2 && knots.iter().all(|(n, f)| n.is_finite() && f.is_finite())).then_some(Self::Measured(knots))
    }

    /// f(N), FLOPs per token.
    pub fn flops_per_token(&self, n: f64) -> f64 {
        self.log(n.ln()).exp()
    }

    fn log(&self, log_n: f64) -> f64 {
        match self {
            Self::SixN => 6f64.ln() + log_n,
            Self::Measured(knots) => {
                let right = knots.partition_point(|knot| knot.0 < log_n).clamp(1, knots.len() - 1);
                let ((x0, y0), (x1, y1)) = (knots[right - 1], knots[right]);
                y0 + (log_n - x0) * (y1 - y0) / (x1 - x0)
            }
        }
    }
}

/// The best that a budget buys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimum {
    /// N*, parameters.
    pub n: f64,
    /// D*, tokens.
    pub tokens: f64,
    /// L*, nats/token.
    pub loss: f64,
}

/// Half the range of log N that is searched around 6·N·D's optimum.
const REACH: f64 = 9.0;

impl Surface {
    /// N*, D* and L* for C FLOPs. None where a term is missing, for then more of one thing is always better.
    pub fn optimal(&self, flops: f64, cost: &TokenCost) -> Option<Optimum> {
        let log_c = flops.ln();
        let log_n = self.log_n_six(log_c)?;
        let log_n = match cost {
            TokenCost::SixN => log_n,
            TokenCost::Measured(_) => {
                let terms = |x: f64| self.terms(x, log_c - cost.log(x));
                minimum(|x| terms(x).0 + terms(x).1, log_n - REACH, log_n + REACH, 1e-8).0
            }
        };
        let log_d = log_c - cost.log(log_n);
        let (in_n, in_d) = self.terms(log_n, log_d);
        Some(Optimum { n: log_n.exp(), tokens: log_d.exp(), loss: self.e + in_n + in_d })
    }

    /// C at which L* is `loss`, FLOPs. None at or below E, where no compute is enough, and where it is beyond all numbers.
    pub fn flops_for_loss(&self, loss: f64, cost: &TokenCost) -> Option<f64> {
        let excess = loss - self.e;
        // NaN is no loss.
        if excess.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
            return None;
        }
        // log(L* - E) is nearly a line in log C, and its slope is known: where N is optimal, more compute acts through D
        // alone, so that dL*/d log C = -β·B·D^-β. Newton's method takes a handful of steps.
        let mut log_c = 45.0;
        for _ in 0..100 {
            let best = self.optimal(f64::exp(log_c), cost)?;
            let here = best.loss - self.e;
            let slope = -self.beta * self.terms(0.0, best.tokens.ln()).1 / here;
            let step = ((excess / here).ln() / slope).clamp(-20.0, 20.0);
            log_c += step;
            if step.abs() < 1e-10 {
                return Some(log_c.exp()).filter(|c| c.is_finite() && *c > 0.0);
            }
        }
        None
    }

    /// log N* for C = 6·N·D: N* = G·(C/6)^(β/(α+β)) with G = (αA/βB)^(1/(α+β)) (arXiv:2203.15556, eq. 4).
    fn log_n_six(&self, log_c: f64) -> Option<f64> {
        let Self { a, b, alpha, beta, .. } = *self;
        if [a, b, alpha, beta].iter().any(|x| x.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater)) {
            return None;
        }
        let log_g = (alpha.ln() + a.ln() - beta.ln() - b.ln()) / (alpha + beta);
        Some(log_g + (log_c - 6f64.ln()) * beta / (alpha + beta))
    }

    /// A·N^-α and B·D^-β.
    fn terms(&self, log_n: f64, log_d: f64) -> (f64, f64) {
        (self.a * (-self.alpha * log_n).exp(), self.b * (-self.beta * log_d).exp())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOFFMANN: Surface = Surface { e: 1.69, a: 406.4, b: 410.7, alpha: 0.34, beta: 0.28 };

    proptest! {
        /// 6·N in a table is 6·N in a formula, found by search and in closed form.
        #[test]
        fn the_search_finds_what_the_formula_says(
            log_c in 35.0..60.0f64, alpha in 0.1..0.7f64, beta in 0.1..0.7f64, a in 10.0..1e3f64, b in 10.0..1e4f64,
        ) {
            let surface = Surface { e: 1.0, a, b, alpha, beta };
            let table = TokenCost::measured([(1e9, 6e9), (1e7, 6e7), (1e7, 6e7)]).unwrap();
            let [searched, closed] = [&table, &TokenCost::SixN].map(|c| surface.optimal(log_c.exp(), c).unwrap());
            prop_assert!((searched.n / closed.n - 1.0).abs() < 1e-6);
            prop_assert!((searched.tokens / closed.tokens - 1.0).abs() < 1e-6);
            prop_assert!((searched.loss / closed.loss - 1.0).abs() < 1e-12);
        }

        /// Compute to loss and back, whatever tokens cost.
        #[test]
        fn compute_comes_back_from_its_loss(log_c in 35.0..60.0f64, overhead in 1e6..1e9f64) {
            let sizes = (0..12).map(|i| 1e6 * 3f64.powi(i));
            let bent = TokenCost::measured(sizes.map(|n| (n, 6.0 * n + overhead * n.powf(0.3)))).unwrap();
            for cost in [&bent, &TokenCost::SixN] {
                let loss = HOFFMANN.optimal(log_c.exp(), cost).unwrap().loss;
                let back = HOFFMANN.flops_for_loss(loss, cost).unwrap();
                prop_assert!((back.ln() - log_c).abs() < 1e-6, "{} {log_c}", back.ln());
            }
        }
    }

    #[test]
    fn no_compute_reaches_the_irreducible_loss() {
        assert_eq!(HOFFMANN.flops_for_loss(1.69, &TokenCost::SixN), None);
        assert_eq!(HOFFMANN.flops_for_loss(1.0, &TokenCost::SixN), None);
        assert!(HOFFMANN.flops_for_loss(1.70, &TokenCost::SixN).is_some());
    }
}
