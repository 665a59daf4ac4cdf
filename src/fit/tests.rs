//! Complete fits of studies drawn from a known law.

use isoflop_core::run::Budget;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::surface::SurfaceRefusal;
use super::{
    Approach, FitSettings, MultiplierStatus, Observation, OptionalMeasurements, ProfileRefusal,
    Study, StudyFits, VertexStatus, fit,
};

const SIZES: [f64; 6] = [7e3, 11e3, 20e3, 33e3, 50e3, 69e3];
const BUDGETS: [f64; 3] = [4e10, 1e11, 2.5e11];
const K: f64 = 0.07;
const P: f64 = 0.5;

/// L = 11·(m·C)^-K + 0.15·(log N - log N*(m·C))²: an arm with multiplier m gets from C what the
/// baseline gets from m·C.
fn law(multiplier: f64, n: f64, c: f64) -> f64 {
    let effective = multiplier * c;
    let log_n_opt = 22e3f64.ln() + P * (effective / 1e11).ln();
    11.0 * effective.powf(-K) + 0.15 * (n.ln() - log_n_opt).powi(2)
}

/// Returns a run of which only N, D and L matter.
pub(super) fn run(params: f64, tokens: f64, loss: f64) -> Observation {
    Observation {
        run: String::new(),
        arm: String::new(),
        size: String::new(),
        seed: 1,
        budget: Budget::Flops(1.0),
        lr_factor: 1.0,
        flops: 6.0 * params * tokens,
        params,
        tokens,
        loss,
        optional: OptionalMeasurements::default(),
    }
}

pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt()
        * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Draws a study of two arms. `shared` noise moves both, as a common seed does. `own` noise is
/// independent.
fn study(multiplier: f64, shared: f64, own: f64, rng: &mut ChaCha8Rng) -> Study {
    let mut observations = Vec::new();
    for budget in BUDGETS {
        for n in SIZES {
            let common = shared * normal(rng);
            for (arm, m) in [("base", 1.0), ("variant", multiplier)] {
                observations.push(Observation {
                    run: format!("{arm} {n} {budget}"),
                    arm: arm.to_owned(),
                    size: n.to_string(),
                    seed: 1,
                    budget: Budget::Flops(budget),
                    lr_factor: 1.0,
                    flops: budget,
                    params: n,
                    tokens: budget / (6.0 * n),
                    loss: law(m, n, budget) + common + own * normal(rng),
                    optional: OptionalMeasurements::default(),
                });
            }
        }
    }
    Study {
        observations,
        ..Study::default()
    }
}

fn fitted(study: &Study, replicates: u32) -> StudyFits {
    fit(
        study,
        &FitSettings {
            replicates,
            seed: 7,
            ..FitSettings::new("base")
        },
    )
}

#[test]
fn a_law_without_noise_is_recovered() {
    let drawn = study(1.5, 0.0, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
    let fits = fitted(&drawn, 100);
    for arm in &fits.arms {
        let frontier = arm.frontier.unwrap();
        assert!(
            (frontier.k - K).abs() < 1e-9 && (frontier.n_exponent - P).abs() < 1e-9,
            "{frontier:?}"
        );
        let holdout = frontier.holdout.unwrap();
        assert!((holdout.predicted / holdout.measured - 1.0).abs() < 1e-9);
        assert!(
            arm.profiles
                .iter()
                .all(|p| p.vertex.unwrap().status == VertexStatus::Interior)
        );
    }
    let comparison = &fits.comparisons[0];
    let measured: Vec<_> = comparison
        .multiplier
        .iter()
        .filter(|p| p.status == MultiplierStatus::Measured)
        .collect();
    assert!(measured.len() > 10 && measured.len() < comparison.multiplier.len());
    assert!(
        measured
            .iter()
            .all(|p| (p.value.unwrap() - 1.5).abs() < 1e-6)
    );
    // Beyond the losses that both arms reached, there is no value unless extrapolation is on.
    let refused = comparison
        .multiplier
        .iter()
        .filter(|p| p.status == MultiplierStatus::Refused);
    assert!(
        refused.clone().count() > 0
            && refused
                .clone()
                .all(|p| p.value.is_none() && p.low.is_none())
    );
    let by_profiles = FitSettings {
        approach: Some(Approach::Profiles),
        ..fits.settings.clone()
    };
    let growth = fit(&drawn, &by_profiles).comparisons[0].growth.unwrap();
    assert!(growth.approach == Approach::Profiles && growth.exponent.abs() < 1e-9);
    // The frontiers are parallel, so a common exponent or the removal of a run changes nothing.
    let parallel = comparison
        .alternatives
        .iter()
        .find(|other| other.choice.starts_with("common exponent"))
        .unwrap();
    assert!((parallel.value.unwrap() - 1.5).abs() < 1e-6);
    assert_eq!(comparison.influence.len(), 3);
    assert!(
        comparison
            .influence
            .iter()
            .all(|run| (run.value - 1.5).abs() < 1e-6)
    );
}

/// An outlier is reported as the most influential run, and leaving it out restores the truth.
#[test]
fn the_run_that_matters_is_named() {
    let mut study = study(1.5, 0.0, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
    let at = study
        .observations
        .iter()
        .position(|o| o.arm == "variant" && o.budget == Budget::Flops(BUDGETS[1]))
        .unwrap();
    study.observations[at].loss += 0.05;
    let comparison = &fitted(&study, 100).comparisons[0];
    let most = &comparison.influence[0];
    assert_eq!(most.run, study.observations[at].run);
    assert!(
        (most.value - 1.5).abs() < 1e-6
            && (comparison.headline.as_ref().unwrap().value.unwrap() - 1.5).abs() > 0.01
    );
}

/// 95% intervals have about their nominal coverage. Noise that both arms share does not widen them.
#[test]
fn intervals_cover() {
    const DRAWS: u32 = 300;
    let mut rng = ChaCha8Rng::seed_from_u64(20_211_206);
    let mut table = String::new();
    let mut widths = Vec::new();
    for (shared, own) in [(0.0, 0.01), (0.03, 0.01)] {
        let (mut given, mut covered, mut covered_k, mut width) = (0, 0, 0, 0.0);
        for _ in 0..DRAWS {
            let fits = fitted(&study(1.3, shared, own, &mut rng), 200);
            let (Ok(point), Ok(frontier)) = (&fits.comparisons[0].headline, &fits.arms[0].frontier)
            else {
                continue;
            };
            let (Some(low), Some(high), Some(k)) = (point.low, point.high, frontier.k_interval)
            else {
                continue;
            };
            given += 1;
            covered += u32::from((low..=high).contains(&1.3));
            covered_k += u32::from((k.low..=k.high).contains(&K));
            width += (high / low).ln();
        }
        let share = |count: u32| f64::from(count) / f64::from(given);
        width /= f64::from(given);
        table += &format!(
            "shared {shared} own {own}: given {given}, multiplier {:.3}, k {:.3}, mean log width {width:.3}\n",
            share(covered),
            share(covered_k)
        );
        assert!(given >= DRAWS * 9 / 10, "{table}");
        assert!((0.90..=0.985).contains(&share(covered)), "{table}");
        assert!((0.90..=0.985).contains(&share(covered_k)), "{table}");
        widths.push(width);
    }
    eprintln!("coverage of 95% intervals over {DRAWS} draws\n{table}");
    assert!(
        widths[1] < 1.5 * widths[0],
        "pairing must narrow the interval: {table}"
    );
}

/// Too few runs lead to a refusal, not to a guess.
#[test]
fn fewer_runs_are_refused_not_guessed() {
    let mut study = study(1.3, 0.0, 0.0, &mut ChaCha8Rng::seed_from_u64(3));
    study
        .observations
        .retain(|o| o.arm == "base" || o.params < 30e3);
    let settings = FitSettings {
        replicates: 100,
        approach: Some(Approach::Profiles),
        ..FitSettings::new("base")
    };
    let fits = fit(&study, &settings);
    insta::assert_snapshot!(fits.comparisons[0].verdict(fits.settings.cost), @"no compute multiplier for variant against base: `variant` has no frontier: 0 of 3 profiles have their optimum within the measured sizes; a frontier needs at least 2");
}

/// Rounding curves a profile of equal losses, which must not count as an optimum.
#[test]
fn losses_that_do_not_differ_have_no_optimum() {
    let mut drawn = study(1.5, 0.0, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
    drawn
        .observations
        .iter_mut()
        .enumerate()
        .for_each(|(at, run)| run.loss = 3.0 + 1e-13 * (at % 5) as f64);
    let fits = fitted(&drawn, 100);
    let profiles = fits.arms.iter().flat_map(|arm| &arm.profiles);
    assert!(
        profiles.clone().count() == 6
            && profiles
                .clone()
                .all(|p| p.vertex == Err(ProfileRefusal::Flat))
    );
    assert!(profiles.clone().all(|p| p.other_forms.is_empty()));
    assert!(
        fits.arms
            .iter()
            .all(|arm| arm.surface == Err(SurfaceRefusal::Flat))
    );
    assert!(fits.comparisons[0].headline.is_err());
}
