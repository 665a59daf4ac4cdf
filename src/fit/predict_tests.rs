//! Predictions of studies drawn from known laws.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use super::coverage_tests::{BASE, BUDGETS, study};
use super::per_token::PerToken;
use super::{Approach, FitSettings, PredictionRequest, Study, path, predict};

fn settings(replicates: u32) -> FitSettings {
    FitSettings {
        replicates,
        ..FitSettings::new("base")
    }
}

#[test]
fn a_law_without_noise_is_predicted_wherever_it_is_asked() {
    let drawn = study(&BASE[0], 0.0, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
    let asked = PredictionRequest {
        flops: vec![1e18, 1e20, 1e26],
        arm: Some("base".into()),
        ..PredictionRequest::default()
    };
    let predicted = predict(&drawn, &settings(0), &asked);
    assert_eq!(
        (predicted.len(), predicted[0].approach),
        (1, Approach::Surface)
    );
    for (at, flops) in predicted[0].budgets.iter().zip([1e18f64, 1e20, 1e26]) {
        let (log_n, log_d) = path::optimum(&BASE[0], &PerToken::six_n(), flops.ln()).unwrap();
        assert!((at.params.value.ln() - log_n).abs() < 1e-3, "{at:?}");
        assert!(
            (at.loss.value / BASE[0].loss(log_n.exp(), log_d.exp()) - 1.0).abs() < 1e-5,
            "{at:?}"
        );
        let spent = 6.0 * at.params.value * at.tokens.value;
        assert!((spent / flops - 1.0).abs() < 1e-6, "{spent}");
        assert_eq!(at.loss.interval, None, "expected no band without draws");
    }
    let beyond: Vec<f64> = predicted[0]
        .budgets
        .iter()
        .map(|at| at.beyond.round())
        .collect();
    assert_eq!(beyond, [1.0, 10.0, 1e7]);
    assert!(predicted[0].budgets[0].size_measured && !predicted[0].budgets[2].size_measured);
    let run = PredictionRequest {
        runs: vec![(1e9, 1.5e9), (1e12, 1.5e9)],
        ..PredictionRequest::default()
    };
    let predicted = predict(&drawn, &settings(0), &run);
    assert!((predicted[0].runs[0].loss.value / BASE[0].loss(1e9, 1.5e9) - 1.0).abs() < 1e-5);
    assert!(
        predicted[0].runs[0].beyond <= 1.0 && predicted[0].runs[1].beyond > 50.0,
        "{:?}",
        predicted[0].runs
    );
    assert!(
        predict(
            &drawn,
            &settings(0),
            &PredictionRequest {
                flops: vec![1e-9, 1e90],
                ..run
            }
        )[0]
        .out_of_reach
        .len()
            == 2
    );
}

#[test]
fn where_there_is_no_law_the_reason_is_said() {
    let mut drawn = study(&BASE[0], 0.0, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
    let by = |study: &Study, approach| {
        let asked = PredictionRequest {
            flops: vec![1e18],
            approach,
            ..PredictionRequest::default()
        };
        predict(study, &settings(0), &asked)[0].clone()
    };
    drawn.observations.retain(|run| run.budget.value() < 2e17);
    insta::assert_snapshot!(by(&drawn, None).refused.unwrap(), @"no surface: parameters and tokens are collinear (r² 1.000), as at a single budget: α and β cannot be estimated separately; no profiles: 1 of 1 profiles have their optimum within the measured sizes; a frontier needs at least 2");
    let drawn = study(&BASE[0], 0.0, 0.0, &mut ChaCha8Rng::seed_from_u64(1));
    assert_eq!(
        by(&drawn, Some(Approach::Profiles)).approach,
        Approach::Profiles
    );
}

/// Coverage of 95% bands: of the loss and of the size, within the measured compute and ten times
/// beyond it.
fn shares(approach: Approach) -> [f64; 4] {
    const DRAWS: u64 = 200;
    let budgets = [BUDGETS[2], 10.0 * BUDGETS[4]];
    let held: Vec<[bool; 4]> = (0..DRAWS)
        .into_par_iter()
        .filter_map(|draw| {
            let mut rng = ChaCha8Rng::seed_from_u64(20_220_329);
            rng.set_stream(draw);
            let drawn = study(&BASE[0], 0.003, 0.003, &mut rng);
            let asked = PredictionRequest {
                flops: budgets.to_vec(),
                arm: Some("base".into()),
                approach: Some(approach),
                ..PredictionRequest::default()
            };
            let predicted = predict(
                &drawn,
                &FitSettings {
                    seed: draw,
                    ..settings(200)
                },
                &asked,
            );
            let holds = |i: usize| {
                let at = predicted[0].budgets.get(i)?;
                let (log_n, log_d) = path::optimum(&BASE[0], &PerToken::six_n(), budgets[i].ln())?;
                let loss = BASE[0].loss(log_n.exp(), log_d.exp());
                let within =
                    |interval: super::Interval, x: f64| (interval.low..=interval.high).contains(&x);
                Some([
                    within(at.loss.interval?, loss),
                    within(at.params.interval?, log_n.exp()),
                ])
            };
            let [[a, b], [c, d]] = [holds(0)?, holds(1)?];
            Some([a, b, c, d])
        })
        .collect();
    assert!(held.len() as u64 > DRAWS * 19 / 20, "{}", held.len());
    let share = |i: usize| held.iter().filter(|h| h[i]).count() as f64 / held.len() as f64;
    let shares = [0, 1, 2, 3].map(share);
    let name = approach.name();
    eprintln!(
        "{name}: bands that contain the truth (loss, size; within, ten times beyond): {shares:.3?} of {}",
        held.len()
    );
    shares
}

#[test]
fn bands_hold_the_truth() {
    for approach in [Approach::Surface, Approach::Profiles] {
        let shares = shares(approach);
        assert!(
            shares.iter().all(|share| (0.88..=1.0).contains(share)),
            "{approach:?}: {shares:?}"
        );
    }
}
