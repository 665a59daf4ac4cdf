//! How often 95% intervals hold the truth, for each approach, on sweeps drawn from known laws.
//!
//! `ISOFLOP_COVERAGE_DRAWS` sets the draws, 500 if absent; docs/fitting.md has the table.

use std::collections::BTreeMap;

use isoflop_core::run::Budget;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use super::law::Law;
use super::made::Made;
use super::multiplier::Pair;
use super::path::path;
use super::per_token::PerToken;
use super::surface::{self, Objective, Surface};
use super::tests::normal;
use super::{Approach, Further, Observation, Settings, Study, fit_arms, multiplier};

/// Shapes of the frontier: a surface with an irreducible loss, and one without.
pub(super) const BASE: [Surface; 2] = [
    Surface {
        e: 1.7,
        a: 400.0,
        b: 410.0,
        alpha: 0.34,
        beta: 0.31,
    },
    Surface {
        e: 0.0,
        a: 60.0,
        b: 110.0,
        alpha: 0.2,
        beta: 0.22,
    },
];
/// Log of the variant's multiplier of tokens: a token is worth so many of the baseline's, at every size.
pub(super) const WORTH: f64 = 1.4;

pub(super) const BUDGETS: [f64; 5] = [1e17, 3e17, 1e18, 3e18, 1e19];
/// Sizes of a budget, as factors of a size near its optimum, which is not known exactly beforehand.
const AROUND: [f64; 7] = [0.25, 0.4, 0.63, 1.0, 1.6, 2.5, 4.0];

/// Both arms share `shared` of their noise, as common seeds have it; standard deviations in log loss.
pub(super) fn study(base: &Surface, shared: f64, own: f64, rng: &mut ChaCha8Rng) -> Study {
    let mut observations = Vec::new();
    let optimum = path(base, &PerToken::six_n()).unwrap();
    for budget in BUDGETS {
        let centre = optimum.optimum(budget).unwrap().0 * 1.1;
        for factor in AROUND {
            let (n, common) = (centre * factor, shared * normal(rng));
            let d = budget / (6.0 * n);
            for (arm, worth) in [("base", 1.0), ("variant", WORTH)] {
                observations.push(Observation {
                    run: format!("{arm} {n:.3e} {budget:.0e}"),
                    arm: arm.to_owned(),
                    size: format!("{n:.3e}"),
                    seed: 1,
                    budget: Budget::Flops(budget),
                    lr_factor: 1.0,
                    flops: budget,
                    params: n,
                    tokens: d,
                    loss: base.loss(n, worth * d) * (common + own * normal(rng)).exp(),
                    further: Further::default(),
                });
            }
        }
    }
    Study {
        observations,
        ..Study::default()
    }
}

/// What an interval was asked for, and how often it held.
#[derive(Default)]
struct Tally {
    given: u32,
    held: u32,
    width: f64,
}

impl Tally {
    fn add(&mut self, interval: Option<(f64, f64)>, truth: f64) {
        if let Some((low, high)) = interval {
            self.given += 1;
            self.held += u32::from((low..=high).contains(&truth));
            self.width += high - low;
        }
    }

    fn share(&self) -> f64 {
        f64::from(self.held) / f64::from(self.given)
    }
}

/// By law, approach, objective and quantity.
type Tallies = BTreeMap<(usize, Approach, &'static str, &'static str), Tally>;

/// What surfaces are fitted by; the other approaches have no objective, and stand with the first.
const OBJECTIVES: [(&str, Objective); 3] = [
    ("huber", Objective::Huber { delta: 1e-3 }),
    ("least squares", Objective::LeastSquares),
    ("likelihood", Objective::Likelihood),
];

/// An approach's interval of a quantity, and the truth.
type Said = (Approach, &'static str, Option<(f64, f64)>, f64);

fn one(law: usize, draw: u64, objective: Objective) -> Vec<Said> {
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_322 + law as u64);
    rng.set_stream(draw);
    let base = BASE[law];
    let variant = Surface {
        b: base.b * WORTH.powf(-base.beta),
        ..base
    };
    let truth = |flops: f64| {
        let laws =
            [base, variant].map(|surface| Law::Path(path(&surface, &PerToken::six_n()).unwrap()));
        multiplier::log_multiplier(&laws[0], &laws[1], flops)
            .unwrap()
            .exp()
    };
    let drawn = study(&base, 0.003, 0.003, &mut rng);
    let settings = Settings {
        replicates: 200,
        seed: draw,
        objective,
        ..Settings::new("base")
    };
    let arms = fit_arms(&drawn, &settings);
    let mut said = Vec::new();
    for approach in Approach::ALL {
        if objective != Objective::default() && approach != Approach::Surface {
            continue;
        }
        let made = |arm: usize| Made::by(approach, &arms[arm].made);
        let (Some(first), Some(second)) = (made(0), made(1)) else {
            continue;
        };
        let comparison = multiplier::compare(["base", "variant"], &Pair::of(first, second), false);
        if let Ok(point) = comparison.headline {
            said.push((
                approach,
                "multiplier",
                point.low.zip(point.high),
                truth(point.flops),
            ));
        }
        let interval = |interval: Option<super::Interval>| interval.map(|i| (i.low, i.high));
        if approach == Approach::Surface {
            said.push((
                approach,
                "alpha",
                interval(first.surface_interval(|s| s.alpha)),
                base.alpha,
            ));
            said.push((
                approach,
                "beta",
                interval(first.surface_interval(|s| s.beta)),
                base.beta,
            ));
        }
        let exponent = base.beta / (base.alpha + base.beta);
        if let Some(size) = first.n_exponent_interval() {
            said.push((
                approach,
                "N* exponent",
                Some((size.low, size.high)),
                exponent,
            ));
        }
        let growth = comparison.growth.and_then(|growth| growth.interval);
        said.push((approach, "growth", interval(growth), growth_of(&truth)));
    }
    said
}

/// Slope of log multiplier in log C around the middle budget.
fn growth_of(truth: &dyn Fn(f64) -> f64) -> f64 {
    (truth(BUDGETS[2] * 1.1) / truth(BUDGETS[2] / 1.1)).ln() / (2.0 * 1.1f64.ln())
}

#[test]
fn intervals_hold_the_truth() {
    let draws = std::env::var("ISOFLOP_COVERAGE_DRAWS").map_or(500, |draws| draws.parse().unwrap());
    let mut tallies = Tallies::new();
    for law in 0..BASE.len() {
        for (by, objective) in OBJECTIVES {
            let said: Vec<_> = (0..draws)
                .into_par_iter()
                .flat_map_iter(|draw| one(law, draw, objective))
                .collect();
            for (approach, what, interval, truth) in said {
                let by = if approach == Approach::Surface {
                    by
                } else {
                    ""
                };
                tallies
                    .entry((law, approach, by, what))
                    .or_default()
                    .add(interval, truth);
            }
        }
    }
    eprintln!(
        "coverage of 95% intervals over {draws} draws\nlaw | approach | of | given | held | mean width"
    );
    for ((law, approach, by, what), tally) in &tallies {
        let law = ["E + A·N^-α + B·D^-β", "A·N^-α + B·D^-β"][*law];
        let width = tally.width / f64::from(tally.given);
        eprintln!(
            "{law} | {} {by} | {what} | {} | {:.3} | {width:.4}",
            approach.name(),
            tally.given,
            tally.share()
        );
    }
    for ((law, approach, by, what), tally) in &tallies {
        // Power laws without an irreducible loss cannot say how a saving grows where there is one: `Comparison::growth` says so.
        let is_misled = *law == 0 && *what == "growth" && *approach != Approach::Surface;
        if *approach == Approach::Envelope {
            assert_eq!(tally.given, 0, "the envelope gives no intervals");
        } else if !is_misled {
            // Where the truth is at the bound of E, draws are one-sided: `is_near_bound` says so to users.
            let is_bound = *law == 1
                && (*by == "least squares" || *by == "likelihood")
                && *what != "multiplier";
            let share = tally.share();
            let least = if is_bound { 0.84 } else { 0.90 };
            assert!(
                (least..=0.99).contains(&share),
                "law {law}, {} {by}, {what}: {share}",
                approach.name()
            );
        }
    }
}

/// Held at its estimate, E leaves the other parameters as they are; held elsewhere they move, and the multiplier less.
#[test]
fn a_pinned_floor_moves_the_rest() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let drawn = study(&BASE[0], 0.0, 0.003, &mut rng);
    let base = drawn.observations.iter().filter(|run| run.arm == "base");
    let points: Vec<_> = base
        .map(|run| surface::Point::new(run.params, run.tokens, run.loss))
        .collect();
    let fit = surface::fit(&points, &vec![1.0; points.len()], Objective::LeastSquares)
        .unwrap()
        .surface;
    let same = surface::pinned(&points, &fit, fit.e, Objective::LeastSquares).unwrap();
    assert!(
        (same.alpha / fit.alpha - 1.0).abs() < 1e-3 && (same.e - fit.e).abs() < 1e-12,
        "{same:?} {fit:?}"
    );
    let lower = surface::pinned(&points, &fit, 0.8 * fit.e, Objective::LeastSquares).unwrap();
    assert!(
        lower.alpha < fit.alpha && lower.beta < fit.beta,
        "{lower:?} {fit:?}"
    );
}
