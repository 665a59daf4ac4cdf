//! Recovery of known surfaces, and refusals of runs without one.

use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::objective::SurfaceProblem;
use super::*;

const OBJECTIVES: [Objective; 3] = [
    Objective::Huber { delta: 1e-3 },
    Objective::LeastSquares,
    Objective::Likelihood,
];

/// Draws runs of sizes from 10M in steps of √5, and five token counts from 1B in steps of 3, with
/// noise in the log loss.
fn table(surface: &Surface, sizes: i32, noise: f64, seed: u64) -> Vec<SurfacePoint> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || {
        (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt()
            * (std::f64::consts::TAU * rng.random::<f64>()).cos()
    };
    let mut points = Vec::new();
    for i in 0..sizes {
        for j in 0..5 {
            let (n, d) = (1e7 * 5f64.powf(f64::from(i) / 2.0), 1e9 * 3f64.powi(j));
            points.push(SurfacePoint::new(
                n,
                d,
                surface.loss(n, d) * (noise * normal()).exp(),
            ));
        }
    }
    points
}

fn ones(points: &[SurfacePoint]) -> Vec<f64> {
    vec![1.0; points.len()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_surface_without_noise_is_recovered(
        e in 0.3..2.5f64, alpha in 0.15..0.6f64, beta in 0.15..0.6f64, in_n in 0.3..2.0f64, in_d in 0.3..2.0f64,
    ) {
        let surface =
            Surface { e, a: in_n * 1e8f64.powf(alpha), b: in_d * 1e10f64.powf(beta), alpha, beta };
        let points = table(&surface, 8, 0.0, 1);
        for objective in OBJECTIVES {
            let fitted = fit(&points, &ones(&points), objective).unwrap();
            let s = fitted.surface;
            prop_assert_eq!(fitted.status, SurfaceStatus::Interior);
            prop_assert!((s.alpha - alpha).abs() < 1e-3 && (s.beta - beta).abs() < 1e-3, "{objective:?} {s:?}");
            prop_assert!((s.e - e).abs() < 1e-2, "{:?} {:?}", objective, s);
        }
    }

    /// A refit from the estimate reaches the objective of a full fit.
    #[test]
    fn a_refit_finds_what_a_fit_finds(seed in 0u64..1000) {
        let truth = Surface { e: 1.7, a: 400.0, b: 2000.0, alpha: 0.34, beta: 0.33 };
        let points = table(&truth, 8, 0.005, seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let weights: Vec<f64> = points.iter().map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
        for objective in OBJECTIVES {
            let estimate = fit(&points, &ones(&points), objective).unwrap();
            let cold = fit(&points, &weights, objective).unwrap();
            let warm = refit(&points, &weights, &estimate.surface, objective).unwrap();
            let value = |s: &Surface| {
                SurfaceProblem::new(&points, &weights, objective)
                    .evaluate(&SurfaceProblem::new(&points, &weights, objective).theta(s, cold.sigma.unwrap_or(1.0)))
                    .0
            };
            let excess = (value(&warm) - cold.objective_value) / cold.objective_value.abs();
            prop_assert!(excess < 1e-3, "{objective:?}: {excess} {warm:?} {:?}", cold.surface);
        }
    }
}

/// Outliers move least squares, but not the other objectives.
#[test]
fn diverged_runs_move_least_squares_alone() {
    let truth = Surface {
        e: 1.7,
        a: 400.0,
        b: 2000.0,
        alpha: 0.34,
        beta: 0.33,
    };
    let mut points = table(&truth, 8, 0.002, 3);
    for i in [3, 17, 29] {
        points[i].log_loss += 1.0;
    }
    let off = OBJECTIVES.map(|o| {
        (fit(&points, &ones(&points), o)
            .unwrap()
            .surface
            .loss(1e10, 1e12)
            - truth.loss(1e10, 1e12))
        .abs()
    });
    assert!(off[0] < 0.03 && off[2] < 0.03 && off[1] > 0.05, "{off:?}");
}

#[test]
fn parameters_at_zero_are_said_to_be() {
    let at_bound = |surface: Surface| {
        let points = table(&surface, 8, 0.0, 1);
        match fit(&points, &ones(&points), Objective::default())
            .unwrap()
            .status
        {
            SurfaceStatus::AtBound { parameters } => parameters,
            SurfaceStatus::Interior => Vec::new(),
        }
    };
    let whole = Surface {
        e: 1.7,
        a: 400.0,
        b: 2000.0,
        alpha: 0.34,
        beta: 0.33,
    };
    assert_eq!(at_bound(whole), []);
    assert_eq!(at_bound(Surface { e: 0.0, ..whole }), [SurfaceParameter::E]);
    // A loss that rises with N.
    assert_eq!(
        at_bound(Surface {
            a: 0.01,
            alpha: -0.2,
            ..whole
        }),
        [SurfaceParameter::A, SurfaceParameter::Alpha]
    );
    assert_eq!(
        at_bound(Surface {
            b: 0.01,
            beta: -0.2,
            ..whole
        }),
        [SurfaceParameter::B, SurfaceParameter::Beta]
    );
}

#[test]
fn refusals_say_why() {
    let truth = Surface {
        e: 1.7,
        a: 400.0,
        b: 2000.0,
        alpha: 0.34,
        beta: 0.33,
    };
    let refusal =
        |points: &[SurfacePoint], o| fit(points, &ones(points), o).unwrap_err().to_string();
    let points = table(&truth, 8, 0.0, 1);
    insta::assert_snapshot!(refusal(&points[..5], Objective::default()), @"5 finished runs; a surface of 5 parameters needs at least 6");
    insta::assert_snapshot!(refusal(&points[..6], Objective::Likelihood), @"6 finished runs; a surface of 6 parameters needs at least 7");
    insta::assert_snapshot!(refusal(&points[..10], Objective::default()), @"2 sizes and 5 token counts; a surface needs at least 3 of each");
    let budget: Vec<SurfacePoint> = (0..8)
        .map(|i| 1e7 * 2f64.powi(i))
        .map(|n| SurfacePoint::new(n, 1e18 / n, truth.loss(n, 1e18 / n)))
        .collect();
    insta::assert_snapshot!(refusal(&budget, Objective::default()), @"parameters and tokens are collinear (r² 1.000), as at a single budget: α and β cannot be estimated separately");
    let mut broken = points;
    broken[2].log_loss = f64::NAN;
    insta::assert_snapshot!(refusal(&broken, Objective::default()), @"a run's parameters, tokens or loss are not positive numbers");
}

#[test]
fn fields_have_the_names_of_the_equation() {
    let surface = Surface {
        e: 1.5,
        a: 2.0,
        b: 3.0,
        alpha: 0.25,
        beta: 0.5,
    };
    let json = serde_json::to_string(&surface).unwrap();
    assert_eq!(json, r#"{"E":1.5,"A":2.0,"B":3.0,"alpha":0.25,"beta":0.5}"#);
    assert_eq!(serde_json::from_str::<Surface>(&json).unwrap(), surface);
}
