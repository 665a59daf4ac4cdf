//! Suggested runs against others of the same cost, on sweeps drawn from known laws.
//!
//! `ISOFLOP_SUGGEST_DRAWS` sets the draws, 100 if absent; docs/next-runs.md has the table.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use super::super::coverage_tests::{BASE, BUDGETS, WORTH, six, study};
use super::super::tests::normal;
use super::super::{Further, fit_arms, law::Law, multiplier::log_multiplier, path::path, surface::Surface};
use super::*;

/// Noise in log loss that arms share at one size, budget and seed, and that each has alone.
const SHARED: f64 = 0.003;
const OWN: f64 = 0.003;
/// The baseline's compute that the multiplier is wanted at.
const AT: f64 = 1e18;

/// FLOPs of one seed of every size and budget of both arms, and so what the suggestion may cost.
fn allowance(study: &Study) -> f64 {
    study.observations.iter().map(|run| run.budget).sum()
}

fn variant(base: &Surface) -> Surface {
    Surface { b: base.b * WORTH.powf(-base.beta), ..*base }
}

/// Trains runs of both arms by the true law: (N, budget, seeds).
fn train(study: &mut Study, base: &Surface, runs: &[(f64, f64, usize)], arms: &[&str], rng: &mut ChaCha8Rng) {
    for (at, (n, budget, seeds)) in runs.iter().enumerate() {
        for seed in 0..*seeds {
            let common = SHARED * normal(rng);
            for arm in arms {
                let law = if *arm == "base" { *base } else { variant(base) };
                let tokens = budget / (6.0 * n);
                study.observations.push(Observation {
                    run: format!("{arm} {at} {seed} more"),
                    arm: (*arm).to_owned(),
                    size: format!("{n:.3e}"),
                    seed: 2 + (at * 1000 + seed) as u64,
                    budget: *budget,
                    lr_factor: 1.0,
                    flops: *budget,
                    params: *n,
                    tokens,
                    loss: law.loss(*n, tokens) * (common + OWN * normal(rng)).exp(),
                    further: Further::default(),
                });
            }
        }
    }
}

/// What an interval came to: the error, and its width.
struct Came {
    error: f64,
    width: f64,
}

/// log multiplier, or α, of a study.
fn came(study: &Study, target: Target, base: &Surface, seed: u64) -> Option<Came> {
    let settings = Settings { replicates: 200, seed, ..Settings::new("base") };
    let carried = fit_arms(study, &settings);
    let made = |arm: usize| carried[arm].made.iter().find(|made| made.method.approach() == Approach::Surface);
    if target == Target::Multiplier {
        let laws = [*base, variant(base)].map(|surface| Law::Path(path(&surface, &six()).unwrap()));
        let truth = log_multiplier(&laws[0], &laws[1], AT)?;
        let point = Pair::of(made(0)?, made(1)?).anywhere(AT);
        return Some(Came { error: point.value?.ln() - truth, width: (point.high? / point.low?).ln() });
    }
    let interval = made(0)?.interval(of_surface(|surface| surface.alpha))?;
    let fitted = carried[0].prepared.surface.as_ref().ok()?.0.surface;
    Some(Came { error: fitted.alpha - base.alpha, width: interval.high - interval.low })
}

/// The ways to spend, in the order of [`WAYS`]: (N, budget, seeds).
fn ways(study: &Study, target: Target, allowance: f64, seed: u64) -> Option<[Vec<(f64, f64, usize)>; 3]> {
    let settings = Settings { replicates: 0, seed, ..Settings::new("base") };
    let at_flops = (target == Target::Multiplier).then_some(AT);
    let arm = if target == Target::Multiplier { "variant" } else { "base" };
    // No more runs than the even spread has: many cheap ones would tell yet more, by a law that holds exactly.
    let wanted =
        Wanted { allowance, target, arm: arm.into(), at_flops, max_runs: study.observations.len(), sizes: None };
    let suggestion = suggest(study, &settings, &wanted).ok()?;
    assert!(suggestion.flops <= allowance * (1.0 + 1e-9));
    let suggested = suggestion.places.iter().map(|place| (place.params[0], place.budget, place.seeds)).collect();
    let cells = study.observations.iter().filter(|run| run.arm == "base");
    let evenly: Vec<_> = cells.map(|run| (run.params, run.budget, 1)).collect();
    // As many runs of the largest budget as the allowance pays for, from its middle size outwards.
    let arms = if target == Target::Multiplier { 2.0 } else { 1.0 };
    let count = (allowance / (arms * BUDGETS[4])).round() as usize;
    let last: Vec<f64> = evenly.iter().filter(|run| run.1 == BUDGETS[4]).map(|run| run.0).collect();
    let largest = (0..count).map(|i| (last[[3, 2, 4, 1, 5, 0, 6][i % 7]], BUDGETS[4], 1)).collect();
    Some([suggested, evenly, largest])
}

const WAYS: [&str; 3] = ["suggested", "evenly", "largest budget"];

fn one(law: usize, target: Target, draw: u64) -> Option<[Came; 4]> {
    let mut rng = ChaCha8Rng::seed_from_u64(19_720_401 + law as u64);
    rng.set_stream(draw);
    let base = BASE[law];
    let mut before = study(&base, SHARED, OWN, &mut rng);
    let arms: &[&str] = if target == Target::Multiplier { &["base", "variant"] } else { &["base"] };
    before.observations.retain(|run| arms.contains(&run.arm.as_str()));
    let [a, b, c] = ways(&before, target, allowance(&before), draw)?.map(|runs| {
        let mut after = before.clone();
        train(&mut after, &base, &runs, arms, &mut rng.clone());
        came(&after, target, &base, draw)
    });
    Some([came(&before, target, &base, draw)?, a?, b?, c?])
}

#[test]
fn suggested_runs_tell_more_than_others_of_their_cost() {
    let draws = std::env::var("ISOFLOP_SUGGEST_DRAWS").map_or(100, |draws| draws.parse().unwrap());
    eprintln!("{draws} draws; law | of | way | RMS error | width | ratio of RMS to evenly | ratio of widths");
    let mut failed = Vec::new();
    for law in 0..BASE.len() {
        for target in [Target::Multiplier, Target::Alpha] {
            let all: Vec<[Came; 4]> = (0..draws).into_par_iter().filter_map(|draw| one(law, target, draw)).collect();
            assert!(all.len() as u64 >= draws * 9 / 10, "{} of {draws}", all.len());
            let count = all.len() as f64;
            let rms = |way: usize| (all.iter().map(|came| came[way].error.powi(2)).sum::<f64>() / count).sqrt();
            let width = |way: usize| all.iter().map(|came| came[way].width).sum::<f64>() / count;
            for (way, name) in ["before"].iter().chain(&WAYS).enumerate() {
                let ratios = (rms(way) / rms(2), width(way) / width(2));
                let name_of = target.name();
                let (error, wide) = (rms(way), width(way));
                eprintln!("{law} | {name_of} | {name} | {error:.4} | {wide:.4} | {:.3} | {:.3}", ratios.0, ratios.1);
            }
            if rms(1) >= rms(2) || width(1) >= width(2) {
                failed.push((law, target));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
