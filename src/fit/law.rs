//! Loss against compute along a frontier, and its inverse. Every approach yields such a law, and
//! arms are compared by their laws.

/// L*(C), the lowest loss that C buys.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Law {
    /// Power law through optima, one for each budget.
    Power(PowerLaw),
    /// Path along the optimal sizes of a surface.
    Path(FrontierPath),
}

/// L* = E + a·C^-k.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// Irreducible loss, nats/token; zero in the form of So et al. (arXiv:2109.08668).
    pub e: f64,
    /// Logarithm of the factor a, which is in nats/token at C = 1.
    pub log_a: f64,
    /// Exponent.
    pub k: f64,
}

/// Points along a frontier, lowest compute first. Logarithms are interpolated between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FrontierPath {
    pub(super) log_flops: Vec<f64>,
    pub(super) log_loss: Vec<f64>,
    pub(super) log_n: Vec<f64>,
    pub(super) log_d: Vec<f64>,
}

impl Law {
    /// Returns L*(C), nats/token. `None` beyond the ends of a path.
    pub(super) fn loss(&self, flops: f64) -> Option<f64> {
        match self {
            Self::Power(law) => Some(law.loss(flops)),
            Self::Path(path) => path.log_loss_at(flops.ln()).map(f64::exp),
        }
    }

    /// Returns the C at which a loss is reached, FLOPs.
    pub(super) fn flops(&self, loss: f64) -> Option<f64> {
        match self {
            Self::Power(law) => law.flops(loss),
            Self::Path(path) => path.log_flops_at(loss.ln()).map(f64::exp),
        }
    }

    /// Returns -dlog L*/dlog C.
    pub(super) fn exponent(&self, flops: f64) -> Option<f64> {
        const STEP: f64 = 0.2;
        match self {
            Self::Power(law) => Some(law.k * (1.0 - law.e / law.loss(flops))),
            Self::Path(path) => {
                let at = |by: f64| path.log_loss_at(flops.ln() + by);
                Some((at(-STEP)? - at(STEP)?) / (2.0 * STEP))
            }
        }
    }
}

impl PowerLaw {
    /// Returns L*(C), nats/token.
    pub fn loss(&self, flops: f64) -> f64 {
        self.e + (self.log_a - self.k * flops.ln()).exp()
    }

    /// Returns the C at which a loss is reached, FLOPs. `None` at or below E.
    pub fn flops(&self, loss: f64) -> Option<f64> {
        (loss > self.e).then(|| ((self.log_a - (loss - self.e).ln()) / self.k).exp())
    }
}

impl FrontierPath {
    fn log_loss_at(&self, log_flops: f64) -> Option<f64> {
        interpolate(&self.log_flops, &self.log_loss, log_flops)
    }

    /// Inverts the path. The loss falls along it.
    fn log_flops_at(&self, log_loss: f64) -> Option<f64> {
        let above = self.log_loss.partition_point(|loss| *loss >= log_loss);
        let pair = above
            .checked_sub(1)
            .filter(|first| first + 1 < self.log_loss.len())?;
        let share =
            (self.log_loss[pair] - log_loss) / (self.log_loss[pair] - self.log_loss[pair + 1]);
        Some(self.log_flops[pair] + share * (self.log_flops[pair + 1] - self.log_flops[pair]))
    }

    /// Returns (N*, D*) at C. `None` beyond the ends.
    pub(super) fn optimum(&self, flops: f64) -> Option<(f64, f64)> {
        let at = |values| interpolate(&self.log_flops, values, flops.ln()).map(f64::exp);
        Some((at(&self.log_n)?, at(&self.log_d)?))
    }
}

fn interpolate(rising: &[f64], values: &[f64], at: f64) -> Option<f64> {
    let below = rising.partition_point(|x| *x <= at);
    let pair = below.checked_sub(1)?.min(rising.len().checked_sub(2)?);
    let share = (at - rising[pair]) / (rising[pair + 1] - rising[pair]);
    (share <= 1.0).then(|| values[pair] + share * (values[pair + 1] - values[pair]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(law: &PowerLaw) -> Law {
        let log_flops: Vec<f64> = (0..=100).map(|i| 20.0 + f64::from(i) / 5.0).collect();
        let log_loss = log_flops.iter().map(|c| law.loss(c.exp()).ln()).collect();
        let (log_n, log_d) = log_flops
            .iter()
            .map(|c| (c / 2.0 - 2.0, c / 2.0 + 0.2))
            .unzip();
        Law::Path(FrontierPath {
            log_flops,
            log_loss,
            log_n,
            log_d,
        })
    }

    /// Both kinds of law agree, and `flops` inverts `loss`. A path has no value beyond its ends.
    #[test]
    fn laws_are_inverted() {
        let power = PowerLaw {
            e: 1.7,
            log_a: 3.0,
            k: 0.12,
        };
        for law in [Law::Power(power), path(&power)] {
            for flops in [1e9, 3.3e12, 1e17] {
                let loss = law.loss(flops).unwrap();
                assert!((loss / power.loss(flops) - 1.0).abs() < 1e-4);
                assert!((law.flops(loss).unwrap() / flops - 1.0).abs() < 1e-9);
                let exponent = power.k * (1.0 - power.e / power.loss(flops));
                assert!((law.exponent(flops).unwrap() / exponent - 1.0).abs() < 1e-2);
            }
            assert_eq!(law.flops(1.6), None);
        }
        let path = path(&power);
        assert_eq!((path.loss(1e8), path.loss(1e30)), (None, None));
        assert_eq!(
            (path.flops(power.loss(1e7)), path.flops(power.loss(1e19))),
            (None, None)
        );
    }
}
