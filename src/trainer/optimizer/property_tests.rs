//! What each optimizer promises, whatever the gradients.

use isoflop_core::run::{self, Optimizer as Settings};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use super::reference_tests::{set_gradient, slots};
use super::{Optimizer, StepSettings};
use crate::fused;
use crate::parameters::{Init, Parameters, Slot};

/// Factors the small matrices of the tests too.
const ADAFACTOR: run::Adafactor = run::Adafactor {
    factor_from: 6,
    ..run::Adafactor::DEFAULT
};
const ALL: [Settings; 3] = [
    Settings::Adamw(run::Adamw::DEFAULT),
    Settings::Adafactor(ADAFACTOR),
    Settings::Muon(run::Muon::DEFAULT),
];

/// Numbers of mean 0 and a standard deviation, by seed.
fn normal(dims: &[i64], std: f64, seed: u64) -> Tensor {
    tch::set_num_threads(1);
    let slot = Slot::exempt("numbers", dims, Init::Normal(std));
    Parameters::initial(vec![slot], seed, Device::Cpu)
        .flat
        .detach()
        .view(dims)
}

/// Parameters of every role, drawn with a standard deviation.
fn drawn(std: f64, seed: u64) -> Parameters {
    let parameters = Parameters::initial(slots(), seed, Device::Cpu);
    tch::no_grad(|| {
        parameters
            .flat
            .shallow_clone()
            .copy_(&normal(&parameters.flat.size(), std, seed))
    });
    parameters
}

fn with(learning_rate: f64, step: u64) -> StepSettings {
    StepSettings {
        learning_rate,
        clip_norm: 1.0,
        step,
    }
}

fn rms(x: &Tensor) -> f64 {
    x.square().mean(Kind::Double).sqrt().double_value(&[])
}

/// What five steps of the quintic make of a singular value, that of a matrix of norm 1.
fn quintic(sigma: f64) -> f64 {
    (0..5).fold(sigma, |s, _| {
        3.4445 * s - 4.7750 * s.powi(3) + 2.0315 * s.powi(5)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Muon's update has the gradient's singular vectors, and of each singular value what the quintic makes of it: within
    /// 0.68 and 1.21, where it was at least 0.002 of the matrix's norm.
    #[test]
    fn muons_singular_values_are_near_one(rows in 2i64..20, columns in 2i64..20, size in -3.0..3.0f64, seed in 0u64..1000) {
        let slot = Slot::matrix("matrix", &[rows, columns], Init::Constant(0.0));
        let mut parameters = Parameters::initial(vec![slot], 1, Device::Cpu);
        let gradient = normal(&[rows, columns], 10f64.powf(size), seed);
        set_gradient(&parameters, &gradient.view([-1]));
        let mut optimizer = Optimizer::new(Settings::Muon(run::Muon::DEFAULT), &parameters);
        let _ = optimizer.step(&mut parameters, with(1.0, 1));
        let scale = 0.2 * (rows.max(columns) as f64).sqrt();
        let made = parameters.value("matrix").to_kind(Kind::Double) / -scale;

        let (u, sigma, v) = gradient.to_kind(Kind::Double).svd(true, true);
        let norm = sigma.norm().double_value(&[]);
        // Uᵀ·made·V: the new singular values on the diagonal, nothing beside it.
        let turned = u.tr().matmul(&made).matmul(&v);
        let found = turned.diagonal(0, 0, 1);
        let beside = (&turned - Tensor::diag(&found, 0)).abs().max().double_value(&[]);
        prop_assert!(beside < 1e-3, "{beside:e} beside the diagonal");
        for i in 0..sigma.size()[0] {
            let (before, after) = (sigma.double_value(&[i]) / norm, found.double_value(&[i]));
            prop_assert!((after - quintic(before)).abs() < 1e-3, "{before} became {after}, not {}", quintic(before));
            prop_assert!(before < 0.002 || (0.68..1.21).contains(&after), "{before} became {after}");
        }
    }

    /// Adafactor changes no matrix, and nothing else, by more than the threshold times its rate and scale.
    #[test]
    fn adafactors_updates_are_bounded(
        threshold in 0.1..1.5f64, size in -6.0..1.0f64, rate in 1e-3..1.0f64, seed in 0u64..1000,
    ) {
        let settings = run::Adafactor { clip_threshold: threshold, ..ADAFACTOR };
        let mut parameters = drawn(10f64.powf(size), seed);
        let mut optimizer = Optimizer::new(Settings::Adafactor(settings), &parameters);
        let mut most = 0.0f64;
        for step in 1..=5 {
            let before = parameters.flat.detach().copy();
            let gradient = normal(&before.size(), 10f64.powi(step as i32 - 3), seed + step);
            set_gradient(&parameters, &gradient);
            let _ = optimizer.step(&mut parameters, StepSettings { clip_norm: 1e9, ..with(rate, step) });
            for block in parameters.blocks() {
                let old = block.of(&before);
                let change = rms(&(block.of(&parameters.flat.detach()) - &old));
                let bound = threshold * rate * rms(&old).max(ADAFACTOR.eps_parameter);
                // The parameters' own rounding beside that of the update.
                prop_assert!(change <= bound * (1.0 + 1e-5) + 1e-7 * rms(&old), "{change:e} exceeds {bound:e}");
                most = most.max(change / bound);
            }
        }
        // Growing gradients reach it: before it is cut, an update is as large as t^0.4 by step t.
        prop_assert!(most > 0.99, "the largest update is {most} of the bound");
    }

    /// A quadratic that is steeper in some directions than in others.
    #[test]
    fn each_decreases_a_quadratic(seed in 0u64..1000) {
        for settings in ALL {
            let mut parameters = drawn(0.5, seed);
            let target = normal(&parameters.flat.size(), 0.5, seed + 1);
            let steepness = normal(&parameters.flat.size(), 1.0, seed + 2).exp();
            let loss = |parameters: &Parameters| ((&parameters.flat - &target).square() * &steepness).sum(Kind::Float);
            let start = loss(&parameters).double_value(&[]);
            let mut optimizer = Optimizer::new(settings, &parameters);
            for step in 1..=30 {
                loss(&parameters).backward();
                let _ = optimizer.step(&mut parameters, with(0.05, step));
            }
            let end = loss(&parameters).double_value(&[]);
            prop_assert!(end < 0.8 * start, "{settings:?}: from {start} to {end}");
        }
    }

    /// Going on with the state copied into a new optimizer gives the same bits.
    #[test]
    fn the_state_is_all_there_is(stop in 1u64..5, seed in 0u64..1000) {
        let gradient = |parameters: &Parameters, step: u64| normal(&parameters.flat.size(), 1.0, seed + step);
        let go_on = |optimizer: &mut Optimizer, parameters: &mut Parameters, steps: std::ops::Range<u64>| {
            for step in steps {
                set_gradient(parameters, &gradient(parameters, step));
                let _ = optimizer.step(parameters, with(0.02, step));
            }
        };
        let check = |settings| {
            let mut parameters = drawn(0.5, seed);
            let mut optimizer = Optimizer::new(settings, &parameters);
            go_on(&mut optimizer, &mut parameters, 1..stop + 1);

            let mut other = drawn(0.1, seed + 1);
            let mut resumed = Optimizer::new(settings, &other);
            tch::no_grad(|| {
                other.flat.detach().copy_(&parameters.flat);
                for ((name, from), (same, to)) in optimizer.state().into_iter().zip(resumed.state()) {
                    assert_eq!((name, from.size()), (same, to.size()));
                    to.shallow_clone().copy_(from);
                }
            });
            go_on(&mut optimizer, &mut parameters, stop + 1..stop + 3);
            go_on(&mut resumed, &mut other, stop + 1..stop + 3);
            parameters.flat.equal(&other.flat)
        };
        for settings in ALL {
            prop_assert!(check(settings), "{settings:?}");
            prop_assert!(fused::without(|| check(settings)), "{settings:?} without kernels");
        }
    }
}
