//! Variance of a target under a set of runs: an exponent of one surface, or the multiplier of two.
//!
//! A run informs about the parameters θ through its row g = ∂log L̂/∂θ. Each arm has its own
//! surface. The covariance of θ̂ is the sandwich M⁻¹JM⁻¹ with M = Σ ggᵀ and J the covariance of
//! Σ g·ε. It is not M⁻¹σ², because errors are not independent. Runs of one cell (one size and
//! budget) share the misfit of the law there (variance τ²), which more seeds do not reduce. Each
//! seed adds s². Runs of two arms that share size, budget and seed have correlated errors (ρ). M
//! has a ridge, a wide prior, for parameters that the runs do not determine.

use nalgebra::{SMatrix, SVector};

use super::super::surface::Surface;

/// ∂log L̂/∂(log A', log B', E, α, β), with A' and B' the factors at the centre of the runs
/// (`surface/objective.rs`).
pub(super) type Row = SVector<f64, 5>;
type Square = SMatrix<f64, 5, 5>;

/// Standard deviations of the prior: factors within e^3, E within 3 nats/token, exponents within 1.
const PRIOR: [f64; 5] = [3.0, 3.0, 3.0, 1.0, 1.0];

/// Surface with the noise around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoisySurface {
    pub(super) surface: Surface,
    /// Mean log N and mean log D of the runs.
    pub(super) centre: (f64, f64),
    /// τ², the variance of log L between cells that seeds do not explain.
    pub(super) misfit: f64,
    /// s², the variance of log L between seeds.
    pub(super) seed: f64,
}

impl NoisySurface {
    /// Returns g at (log N, log D).
    pub(super) fn row(&self, (log_n, log_d): (f64, f64)) -> Row {
        let s = &self.surface;
        let a = s.a * (-s.alpha * log_n).exp();
        let b = s.b * (-s.beta * log_d).exp();
        let (n, d) = (log_n - self.centre.0, log_d - self.centre.1);
        Row::from([a, b, 1.0, -a * n, -b * d]) / (s.e + a + b)
    }

    /// Returns the variance of the sum of the errors of `count` runs of a cell.
    fn of_sum(&self, count: f64) -> f64 {
        count * count * self.misfit + count * self.seed
    }
}

/// Runs of one size and budget: rows and counts, one of each per arm.
#[derive(Clone, Debug)]
pub(super) struct DesignCell {
    pub(super) rows: Vec<Row>,
    pub(super) counts: Vec<f64>,
}

/// One or two arms, with all cells in which they have or could have runs.
#[derive(Clone, Debug)]
pub(super) struct Design {
    pub(super) arms: Vec<NoisySurface>,
    pub(super) cells: Vec<DesignCell>,
    /// ρ, the correlation of errors between the arms at one size, budget and seed.
    pub(super) correlation: f64,
    /// ∇t, the gradient of the target with respect to each arm's θ.
    pub(super) gradient: Vec<Row>,
}

/// Sums that the variance is computed from. Runs can be added one by one.
#[derive(Clone, Debug)]
pub(super) struct InformationSums {
    m: Vec<Square>,
    j: Vec<Square>,
    cross: Square,
}

impl Design {
    /// Returns the sums for these counts of runs: for each cell, one count per arm.
    pub(super) fn sums(&self, counts: &[Vec<f64>]) -> InformationSums {
        let ridge = |arm: &NoisySurface| {
            Square::from_diagonal(&Row::from(
                PRIOR.map(|sd| (arm.misfit + arm.seed).max(f64::MIN_POSITIVE) / (sd * sd)),
            ))
        };
        let m: Vec<Square> = self.arms.iter().map(ridge).collect();
        let j = m
            .iter()
            .zip(&self.arms)
            .map(|(ridge, arm)| ridge * (arm.misfit + arm.seed))
            .collect();
        let mut sums = InformationSums {
            m,
            j,
            cross: Square::zeros(),
        };
        let none = vec![0.0; self.arms.len()];
        for (cell, to) in counts.iter().enumerate() {
            self.change(&mut sums, cell, &none, to);
        }
        sums
    }

    /// Returns the current counts.
    pub(super) fn counts(&self) -> Vec<Vec<f64>> {
        self.cells.iter().map(|cell| cell.counts.clone()).collect()
    }

    /// Changes the counts of a cell.
    pub(super) fn change(&self, sums: &mut InformationSums, cell: usize, from: &[f64], to: &[f64]) {
        let rows = &self.cells[cell].rows;
        for (arm, noisy) in self.arms.iter().enumerate() {
            if to[arm] != from[arm] {
                sums.m[arm].ger(to[arm] - from[arm], &rows[arm], &rows[arm], 1.0);
                sums.j[arm].ger(
                    noisy.of_sum(to[arm]) - noisy.of_sum(from[arm]),
                    &rows[arm],
                    &rows[arm],
                    1.0,
                );
            }
        }
        if let [first, second] = self.arms.as_slice() {
            let shared = |counts: &[f64]| {
                let pairs = counts[0].min(counts[1]);
                self.correlation * (first.of_sum(pairs) * second.of_sum(pairs)).sqrt()
            };
            sums.cross
                .ger(shared(to) - shared(from), &rows[0], &rows[1], 1.0);
        }
    }

    /// Returns the variance of the target, ∇tᵀM⁻¹JM⁻¹∇t (the delta method).
    pub(super) fn variance(&self, sums: &InformationSums) -> f64 {
        let solved = sums
            .m
            .iter()
            .zip(&self.gradient)
            .map(|(m, g)| Some(m.cholesky()?.solve(g)));
        let Some(u) = solved.collect::<Option<Vec<Row>>>() else {
            return f64::INFINITY;
        };
        let own: f64 = u.iter().zip(&sums.j).map(|(u, j)| u.dot(&(j * u))).sum();
        let shared = if let [first, second] = u.as_slice() {
            2.0 * first.dot(&(sums.cross * second))
        } else {
            0.0
        };
        own + shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SURFACE: Surface = Surface {
        e: 1.7,
        a: 400.0,
        b: 410.0,
        alpha: 0.34,
        beta: 0.31,
    };

    fn arm() -> NoisySurface {
        NoisySurface {
            surface: SURFACE,
            centre: (16.0, 20.0),
            misfit: 0.0,
            seed: 1e-4,
        }
    }

    /// Rows are the derivatives of log L̂ with respect to the centred parameters.
    #[test]
    fn rows_are_derivatives() {
        let at = (17.0f64, 19.0f64);
        let log_loss = |x: &[f64; 5]| {
            (x[2] + (x[0] - x[3] * (at.0 - 16.0)).exp() + (x[1] - x[4] * (at.1 - 20.0)).exp()).ln()
        };
        let x = [
            400f64.ln() - 0.34 * 16.0,
            410f64.ln() - 0.31 * 20.0,
            1.7,
            0.34,
            0.31,
        ];
        let row = arm().row(at);
        for i in 0..5 {
            let by = |h: f64| {
                let mut y = x;
                y[i] += h;
                log_loss(&y)
            };
            assert!((row[i] - (by(1e-6) - by(-1e-6)) / 2e-6).abs() < 1e-8, "{i}");
        }
    }

    fn design(misfit: f64, correlation: f64) -> Design {
        let arm = NoisySurface { misfit, ..arm() };
        let places: Vec<(f64, f64)> = (0..5)
            .flat_map(|i| {
                (0..4).map(move |k| {
                    (
                        14.0 + f64::from(i),
                        18.0 + f64::from(k) + 0.3 * f64::from(i),
                    )
                })
            })
            .collect();
        let cells = places
            .iter()
            .map(|at| DesignCell {
                rows: vec![arm.row(*at); 2],
                counts: vec![1.0; 2],
            })
            .collect();
        let gradient = arm.row((16.0, 20.0));
        Design {
            arms: vec![arm; 2],
            cells,
            correlation,
            gradient: vec![gradient, -gradient],
        }
    }

    /// Twice the seeds halve the variance between seeds, but not that of the misfit. Errors that
    /// two arms share cancel.
    #[test]
    fn variances_follow_from_what_varies() {
        let variance = |design: &Design, times: f64| {
            let counts = design
                .counts()
                .iter()
                .map(|counts| counts.iter().map(|n| n * times).collect())
                .collect::<Vec<_>>();
            design.variance(&design.sums(&counts))
        };
        let plain = design(0.0, 0.0);
        assert!((variance(&plain, 1.0) / variance(&plain, 2.0) - 2.0).abs() < 1e-2);
        let misfitting = design(1.0, 0.0);
        assert!((variance(&misfitting, 1.0) / variance(&misfitting, 2.0) - 1.0).abs() < 1e-2);
        let paired = design(0.0, 0.75);
        assert!((variance(&paired, 1.0) / variance(&plain, 1.0) - 0.25).abs() < 1e-2);
        // Adding runs one by one gives the same variance as adding them at once.
        let (mut sums, counts) = (paired.sums(&paired.counts()), paired.counts());
        paired.change(&mut sums, 3, &counts[3], &[2.0, 2.0]);
        let mut more = counts;
        more[3] = vec![2.0, 2.0];
        assert!((paired.variance(&sums) / paired.variance(&paired.sums(&more)) - 1.0).abs() < 1e-9);
    }
}
