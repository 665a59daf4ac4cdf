//! Estimate of one arm by one approach: its law, the measured ranges and the bootstrap draws.

use rayon::prelude::*;

use super::interval::{HC1, PARABOLA, interval, widening};
use super::law::Law;
use super::method::{FitMethod, Replicate};
use super::polynomial::ProfileForm;
use super::resample::WeightGroups;
use super::surface::{Objective, Surface};
use super::{Approach, Interval};

/// Law of an arm by one approach, with its draws.
#[derive(Clone, Debug)]
pub(super) struct ArmEstimate {
    pub(super) method: FitMethod,
    pub(super) estimate: Replicate,
    pub(super) law: Law,
    /// Lowest and highest measured compute.
    pub(super) flops_range: (f64, f64),
    /// Lowest and highest L* in that range, nats/token.
    pub(super) loss_range: (f64, f64),
    /// Draws, one for each replicate. `None` for a failed replicate.
    pub(super) draws: Vec<Option<Replicate>>,
}

impl ArmEstimate {
    /// Returns the estimate of an approach.
    pub(super) fn of_approach(approach: Approach, made: &[Self]) -> Option<&Self> {
        made.iter().find(|made| made.method.approach() == approach)
    }

    /// Returns the factor that widens the draws. NaN for an approach without valid intervals.
    pub(super) fn widening(&self) -> f64 {
        match &self.method {
            // The draws of an estimator that is nearly a median are wide enough even for few runs
            // (`coverage_tests.rs`).
            FitMethod::Surface {
                objective: Objective::Huber { .. } | Objective::Likelihood,
                ..
            } => 1.0,
            // The minimum of noisy values has a bias as large as its spread. The draws do not show
            // that bias.
            FitMethod::Envelope { .. } => f64::NAN,
            FitMethod::Profiles {
                form: ProfileForm::Parabola,
                ..
            } => self.widened(PARABOLA),
            FitMethod::Profiles { .. } | FitMethod::Surface { .. } => self.widened(HC1),
        }
    }

    /// Returns the interval of p in N* ∝ C^p. For a surface, a token costs 6N.
    pub(super) fn n_exponent_interval(&self) -> Option<Interval> {
        self.interval(|drawn| match drawn {
            Replicate::Surface(surface) => Some(surface.n_exponent()),
            _ => drawn.lines().map(|(_, size)| size.slope),
        })
    }

    /// Returns the objective of the surface.
    pub(super) fn objective(&self) -> Objective {
        match self.method {
            FitMethod::Surface { objective, .. } => objective,
            FitMethod::Profiles { .. } | FitMethod::Envelope { .. } => Objective::default(),
        }
    }

    fn widened(&self, power: f64) -> f64 {
        widening(self.method.runs(), self.method.parameters(), power)
    }

    /// Returns the law of each replicate.
    pub(super) fn laws(&self) -> impl Iterator<Item = Option<Law>> + '_ {
        self.draws
            .iter()
            .map(|drawn| self.method.law(drawn.as_ref()?))
    }

    /// Returns the interval of a number that is computed from each draw.
    pub(super) fn interval(&self, of: impl Fn(&Replicate) -> Option<f64>) -> Option<Interval> {
        let draws = self.draws.iter().map(|drawn| of(drawn.as_ref()?));
        interval(draws, of(&self.estimate)?, self.widening())
    }

    /// Returns the interval of a number that is computed from each surface.
    pub(super) fn surface_interval(&self, of: impl Fn(&Surface) -> f64) -> Option<Interval> {
        self.interval(|drawn| drawn.surface().map(&of))
    }
}

/// Draws replicates of several methods under common weights. Each method has one draw per
/// replicate.
pub(super) fn draw_replicates(
    methods: &[&FitMethod],
    cells: &WeightGroups,
    seed: u64,
    replicates: u32,
) -> Vec<Vec<Option<Replicate>>> {
    let mut rows: Vec<Vec<Option<Replicate>>> = (0..replicates)
        .into_par_iter()
        .map(|replicate| {
            let weights = cells.weights(seed, replicate);
            methods.iter().map(|method| method.draw(&weights)).collect()
        })
        .collect();
    (0..methods.len())
        .map(|method| rows.iter_mut().map(|row| row[method].take()).collect())
        .collect()
}
