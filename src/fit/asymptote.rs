//! Speedup of one recipe over another if their learning curves share asymptote and exponent: L(C) =
//! L∞ + A·C^-α.

/// Training run of a recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingRun {
    /// Final loss, nats/token.
    pub loss: f64,
    /// Training compute, FLOPs.
    pub flops: f64,
    /// Training speed, tokens/s.
    pub tokens_per_second: f64,
}

/// Speedup of a variant that shares the baseline's asymptote L∞ and exponent α.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speedup {
    /// A of the baseline, nats/token at C = 1.
    pub a: f64,
    /// Compute that the baseline needs for the variant's loss, divided by the variant's compute.
    pub compute_ratio: f64,
    /// Ratio of training times: the compute ratio times the ratio of the speeds.
    pub wall_clock: f64,
}

/// Computes the speedup of a variant over a baseline from one run of each. `None` unless both
/// losses are above the asymptote and `alpha` is positive.
///
/// From L - L∞ = A·C^-α of the baseline: C_baseline(L) = (A / (L - L∞))^(1/α).
pub fn shared_asymptote_speedup(
    asymptote: f64,
    alpha: f64,
    baseline: &TrainingRun,
    variant: &TrainingRun,
) -> Option<Speedup> {
    let (above, below) = (baseline.loss - asymptote, variant.loss - asymptote);
    if !(above > 0.0 && below > 0.0 && alpha > 0.0) {
        return None;
    }
    let a = above * (alpha * baseline.flops.ln()).exp();
    let compute_ratio = ((a / below).ln() / alpha - variant.flops.ln()).exp();
    let wall_clock = compute_ratio * variant.tokens_per_second / baseline.tokens_per_second;
    Some(Speedup {
        a,
        compute_ratio,
        wall_clock,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASELINE: TrainingRun = TrainingRun {
        loss: 3.5422,
        flops: 3.82e17,
        tokens_per_second: 433_986.0,
    };
    const VARIANT: TrainingRun = TrainingRun {
        loss: 3.52,
        tokens_per_second: 410_000.0,
        ..BASELINE
    };

    /// A published pair of runs.
    #[test]
    fn the_speedup_is_the_published_one() {
        let speedup = shared_asymptote_speedup(1.6, 0.0941, &BASELINE, &VARIANT).unwrap();
        assert!((speedup.a - 87.65286).abs() < 5e-6, "{speedup:?}");
        assert!(
            (speedup.compute_ratio - 1.129_946).abs() < 5e-7,
            "{speedup:?}"
        );
        assert!((speedup.wall_clock - 1.067_495).abs() < 5e-7, "{speedup:?}");
    }

    #[test]
    fn below_the_asymptote_there_is_none() {
        assert_eq!(
            shared_asymptote_speedup(3.53, 0.0941, &BASELINE, &VARIANT),
            None
        );
    }
}
