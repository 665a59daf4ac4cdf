//! Suggested runs against others of the same cost, on sweeps drawn from known laws.
//!
//! `ISOFLOP_SUGGEST_DRAWS` sets the number of draws, 30 if absent. docs/next-runs.md has the table.

use isoflop_core::run::Budget;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use super::super::arm_estimate::ArmEstimate;
use super::super::coverage_tests::{BASE, BUDGETS, TOKEN_WORTH, study};
use super::super::multiplier::LawPair;
use super::super::tests::normal;
use super::super::{
    Approach, FitSettings, Observation, OptionalMeasurements, Study, fit_arms, surface::Surface,
};
use super::*;

/// Noise in log loss that arms share at one size, budget and seed.
const SHARED: f64 = 0.003;
/// Noise in log loss of each arm separately.
const OWN: f64 = 0.003;
/// Baseline's compute at which the multiplier is taken, FLOPs.
const AT: f64 = 1e18;

/// Distribution of simulated sweeps: a surface, and waves on log L that no surface can fit, with
/// different phases in each arm.
#[derive(Clone, Copy)]
struct World {
    name: &'static str,
    base: Surface,
    waves: f64,
    /// Number of seeds of the study. With one seed, waves cannot be distinguished from noise.
    seeds: usize,
}

const WORLDS: [World; 3] = [
    World {
        name: "E + A·N^-α + B·D^-β",
        base: BASE[0],
        waves: 0.0,
        seeds: 1,
    },
    World {
        name: "A·N^-α + B·D^-β",
        base: BASE[1],
        waves: 0.0,
        seeds: 1,
    },
    World {
        name: "the first, with waves",
        base: BASE[0],
        waves: 0.004,
        seeds: 2,
    },
];

impl World {
    fn loss(&self, arm: &str, n: f64, d: f64) -> f64 {
        let (law, phase) = if arm == "base" {
            (self.base, 0.0)
        } else {
            (variant(&self.base), 1.5)
        };
        law.loss(n, d) * (self.waves * (1.7 * n.ln() + 1.1 * d.ln() + phase).sin()).exp()
    }

    /// Returns log C/C_variant at [`AT`], from the lowest loss on a fine grid of sizes.
    fn log_multiplier(&self) -> f64 {
        let best = |arm: &str, flops: f64| {
            let sizes = (0..4000).map(|i| 1e7 * (0.002 * f64::from(i)).exp());
            sizes
                .map(|n| self.loss(arm, n, flops / (6.0 * n)))
                .fold(f64::INFINITY, f64::min)
        };
        let (loss, mut low, mut high) = (best("base", AT), (AT / 30.0).ln(), (AT * 30.0).ln());
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            *(if best("variant", middle.exp()) > loss {
                &mut low
            } else {
                &mut high
            }) = middle;
        }
        AT.ln() - low
    }
}

fn variant(base: &Surface) -> Surface {
    Surface {
        b: base.b * TOKEN_WORTH.powf(-base.beta),
        ..*base
    }
}

/// Draws the study before the suggestion: sizes around each budget's optimum.
fn before(world: &World, arms: &[&str], rng: &mut ChaCha8Rng) -> Study {
    let places = study(&world.base, 0.0, 0.0, rng).observations;
    let runs: Vec<_> = places
        .iter()
        .filter(|run| run.arm == "base")
        .map(|run| (run.params, run.budget.value(), world.seeds))
        .collect();
    let mut study = Study::default();
    train(&mut study, world, &runs, arms, rng);
    study
}

/// Simulates runs of the arms: (N, budget, seeds).
fn train(
    study: &mut Study,
    world: &World,
    runs: &[(f64, f64, usize)],
    arms: &[&str],
    rng: &mut ChaCha8Rng,
) {
    let from = study
        .observations
        .iter()
        .map(|run| run.seed)
        .max()
        .unwrap_or(0)
        + 1;
    for (at, (n, budget, seeds)) in runs.iter().enumerate() {
        for seed in 0..*seeds {
            let common = SHARED * normal(rng);
            for arm in arms {
                let tokens = budget / (6.0 * n);
                study.observations.push(Observation {
                    run: format!("{arm} {at} {seed} {from}"),
                    arm: (*arm).to_owned(),
                    size: format!("{n:.3e}"),
                    seed: from + (at * 1000 + seed) as u64,
                    budget: Budget::Flops(*budget),
                    lr_factor: 1.0,
                    flops: *budget,
                    params: *n,
                    tokens,
                    loss: world.loss(arm, *n, tokens) * (common + OWN * normal(rng)).exp(),
                    optional: OptionalMeasurements::default(),
                });
            }
        }
    }
}

/// Error of an estimate, and width of its interval.
struct IntervalError {
    error: f64,
    width: f64,
}

/// Estimates log multiplier or α from a study.
fn interval_error(study: &Study, target: Target, truth: f64, seed: u64) -> Option<IntervalError> {
    let settings = FitSettings {
        replicates: 100,
        seed,
        ..FitSettings::new("base")
    };
    let carried = fit_arms(study, &settings);
    let made = |arm: usize| ArmEstimate::of_approach(Approach::Surface, &carried[arm].estimates);
    if target == Target::Multiplier {
        let point = LawPair::of(made(0)?, made(1)?).point(AT, true);
        return Some(IntervalError {
            error: point.value?.ln() - truth,
            width: (point.high? / point.low?).ln(),
        });
    }
    let interval = made(0)?.surface_interval(|surface| surface.alpha)?;
    let fitted = carried[0].prepared.surface.as_ref().ok()?.0.surface;
    Some(IntervalError {
        error: fitted.alpha - truth,
        width: interval.high - interval.low,
    })
}

/// Added runs: (N, budget, seeds).
type Added = Vec<(f64, f64, usize)>;

/// Returns the ways to spend the cost of one more seed of everything, in the order of [`WAYS`], and
/// the share of the width that the suggestion expects.
fn ways(study: &Study, target: Target, seed: u64) -> Option<([Added; 3], f64)> {
    let mut evenly: Vec<(f64, f64, usize)> = Vec::new();
    for run in study.observations.iter().filter(|run| run.arm == "base") {
        if !evenly.contains(&(run.params, run.budget.value(), 1)) {
            evenly.push((run.params, run.budget.value(), 1));
        }
    }
    let arms = study.arms().len();
    let allowance = arms as f64 * evenly.iter().map(|run| run.1).sum::<f64>();
    let settings = FitSettings {
        replicates: 0,
        seed,
        ..FitSettings::new("base")
    };
    let at_flops = (target == Target::Multiplier).then_some(AT);
    let arm = if target == Target::Multiplier {
        "variant"
    } else {
        "base"
    };
    // At most as many runs as the even spread. Many cheap runs would be even better, because the
    // law is exact here.
    let max_runs = evenly.len() * arms;
    let wanted = SuggestionRequest {
        allowance,
        target,
        arm: arm.into(),
        at_flops,
        max_runs,
        max_tokens: f64::INFINITY,
        sizes: None,
    };
    let suggestion = suggest(study, &settings, &wanted).ok()?;
    assert!(suggestion.flops <= allowance * (1.0 + 1e-9));
    let suggested = suggestion
        .places
        .iter()
        .map(|place| (place.params[0], place.budget, place.seeds))
        .collect();
    // As many runs of the largest budget as the allowance pays for, from its middle size outwards.
    let count = (allowance / (arms as f64 * BUDGETS[4])).round() as usize;
    let last: Vec<f64> = evenly
        .iter()
        .filter(|run| run.1 == BUDGETS[4])
        .map(|run| run.0)
        .collect();
    let largest = (0..count)
        .map(|i| (last[[3, 2, 4, 1, 5, 0, 6][i % 7]], BUDGETS[4], 1))
        .collect();
    Some(([suggested, evenly, largest], suggestion.shrink))
}

const WAYS: [&str; 4] = ["before", "suggested", "evenly", "largest budget"];

fn one(world: &World, target: Target, truth: f64, draw: u64) -> Option<([IntervalError; 4], f64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(19_720_401);
    rng.set_stream(draw);
    let arms: &[&str] = if target == Target::Multiplier {
        &["base", "variant"]
    } else {
        &["base"]
    };
    let before = before(world, arms, &mut rng);
    let (ways, expected) = ways(&before, target, draw)?;
    let [a, b, c] = ways.map(|runs| {
        let mut after = before.clone();
        train(&mut after, world, &runs, arms, &mut rng.clone());
        interval_error(&after, target, truth, draw)
    });
    Some((
        [interval_error(&before, target, truth, draw)?, a?, b?, c?],
        expected,
    ))
}

#[test]
fn suggested_runs_tell_more_than_others_of_their_cost() {
    let draws = std::env::var("ISOFLOP_SUGGEST_DRAWS").map_or(30, |draws| draws.parse().unwrap());
    eprintln!(
        "{draws} draws\nlaw | of | way | RMS error | mean width | RMS to evenly's | width to evenly's"
    );
    let mut failed = Vec::new();
    for world in WORLDS {
        for target in [Target::Multiplier, Target::Alpha] {
            let truth = if target == Target::Alpha {
                world.base.alpha
            } else {
                world.log_multiplier()
            };
            let drawn = (0..draws)
                .into_par_iter()
                .filter_map(|draw| one(&world, target, truth, draw));
            let (all, expected): (Vec<[IntervalError; 4]>, Vec<f64>) = drawn.unzip();
            assert!(
                all.len() as u64 >= draws * 9 / 10,
                "{} of {draws}",
                all.len()
            );
            let count = all.len() as f64;
            let rms = |way: usize| {
                (all.iter().map(|came| came[way].error.powi(2)).sum::<f64>() / count).sqrt()
            };
            let width = |way: usize| all.iter().map(|came| came[way].width).sum::<f64>() / count;
            for (way, name) in WAYS.iter().enumerate() {
                let (error, wide) = (rms(way), width(way));
                let (to_error, to_width) = (error / rms(2), wide / width(2));
                let of = target.name();
                eprintln!(
                    "{} | {of} | {name} | {error:.4} | {wide:.4} | {to_error:.2} | {to_width:.2}",
                    world.name
                );
            }
            let (expected, came) = (expected.iter().sum::<f64>() / count, width(1) / width(0));
            eprintln!(
                "{} | {} | width to before's: expected {expected:.2}, came {came:.2}",
                world.name,
                target.name()
            );
            if (came / expected).ln().abs() > 0.3 {
                failed.push((world.name, target));
            }
            // If no surface fits the law, part of the error is misfit, which more runs do not
            // reduce.
            if (world.waves == 0.0 && rms(1) >= rms(2)) || width(1) >= width(2) {
                failed.push((world.name, target));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
