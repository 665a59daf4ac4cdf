//! An approach carried out for an arm: its law, where it was measured, and its draws.

use rayon::prelude::*;

use super::interval::{HC1, PARABOLA, interval, widening};
use super::law::Law;
use super::method::{Drawn, Method};
use super::polynomial::Form;
use super::resample::Cells;
use super::surface::{Objective, Surface};
use super::{Approach, Interval};

/// An arm's law by one approach.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) method: Method,
    pub(super) estimate: Drawn,
    pub(super) law: Law,
    /// Compute that it was measured at, least and most.
    pub(super) flops_range: (f64, f64),
    /// L* there, least and most.
    pub(super) loss_range: (f64, f64),
    /// One for each replicate.
    pub(super) draws: Vec<Option<Drawn>>,
}

impl Made {
    /// The one by an approach.
    pub(super) fn by(approach: Approach, made: &[Self]) -> Option<&Self> {
        made.iter().find(|made| made.method.approach() == approach)
    }

    /// What its draws are widened by; NaN where they carry no interval.
    pub(super) fn widening(&self) -> f64 {
        match &self.method {
            // The draws of an estimator that is nearly a median are wide enough for few runs as they are (`coverage_tests.rs`).
            Method::Surface {
                objective: Objective::Huber { .. } | Objective::Likelihood,
                ..
            } => 1.0,
            // The least of noisy values has a bias of the size of its spread, and draws know nothing of it.
            Method::Envelope { .. } => f64::NAN,
            Method::Profiles {
                form: Form::Parabola,
                ..
            } => self.widened(PARABOLA),
            Method::Profiles { .. } | Method::Surface { .. } => self.widened(HC1),
        }
    }

    /// The interval of p in N* ∝ C^p; along a surface where a token costs 6N.
    pub(super) fn n_exponent_interval(&self) -> Option<Interval> {
        self.interval(|drawn| match drawn {
            Drawn::Surface(surface) => Some(surface.n_exponent()),
            _ => drawn.lines().map(|(_, size)| size.slope),
        })
    }

    /// What a surface was fitted by.
    pub(super) fn objective(&self) -> Objective {
        match self.method {
            Method::Surface { objective, .. } => objective,
            Method::Profiles { .. } | Method::Envelope { .. } => Objective::default(),
        }
    }

    fn widened(&self, power: f64) -> f64 {
        widening(self.method.runs(), self.method.parameters(), power)
    }

    /// The law of each replicate.
    pub(super) fn laws(&self) -> impl Iterator<Item = Option<Law>> + '_ {
        self.draws
            .iter()
            .map(|drawn| self.method.law(drawn.as_ref()?))
    }

    /// The interval of a number that every draw gives.
    pub(super) fn interval(&self, of: impl Fn(&Drawn) -> Option<f64>) -> Option<Interval> {
        let draws = self.draws.iter().map(|drawn| of(drawn.as_ref()?));
        interval(draws, of(&self.estimate)?, self.widening())
    }

    /// The interval of a number of a surface.
    pub(super) fn surface_interval(&self, of: impl Fn(&Surface) -> f64) -> Option<Interval> {
        self.interval(|drawn| drawn.surface().map(&of))
    }
}

/// The draws of several methods under common weights: for each method one a replicate.
pub(super) fn draws(
    methods: &[&Method],
    cells: &Cells,
    seed: u64,
    replicates: u32,
) -> Vec<Vec<Option<Drawn>>> {
    let mut rows: Vec<Vec<Option<Drawn>>> = (0..replicates)
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
