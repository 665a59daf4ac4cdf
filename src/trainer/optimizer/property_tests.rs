//! Properties of the optimizers for arbitrary gradients.

use isoflop_core::run::{self, Optimizer as Settings};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use super::reference_tests::{set_gradient, slots};
use super::{OptimizerState, StepSettings};
use crate::fused;
use crate::parameters::{ModelParameters, TensorInit, TensorSlot};

/// Adafactor that also factors the small matrices of the tests.
const ADAFACTOR: run::Adafactor = run::Adafactor {
    factor_from: 6,
    ..run::Adafactor::DEFAULT
};
const ALL: [Settings; 3] = [
    Settings::Adamw(run::Adamw::DEFAULT),
    Settings::Adafactor(ADAFACTOR),
    Settings::Muon(run::Muon::DEFAULT),
];

/// Draws normal numbers with mean 0 and a standard deviation.
fn normal(dims: &[i64], std: f64, seed: u64) -> Tensor {
    tch::set_num_threads(1);
    let slot = TensorSlot::exempt("numbers", dims, TensorInit::Normal(std));
    ModelParameters::initial(vec![slot], seed, Device::Cpu)
        .flat
        .detach()
        .view(dims)
}

/// Draws parameters of every role with a standard deviation.
fn drawn(std: f64, seed: u64) -> ModelParameters {
    let parameters = ModelParameters::initial(slots(), seed, Device::Cpu);
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

/// Applies five steps of the quintic to a singular value of a matrix of norm 1.
fn quintic(sigma: f64) -> f64 {
    (0..5).fold(sigma, |s, _| {
        3.4445 * s - 4.7750 * s.powi(3) + 2.0315 * s.powi(5)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Muon's update has the gradient's singular vectors, and the quintic of its singular values.
    /// They are between 0.68 and 1.21 if they were at least 0.002 of the matrix's norm.
    #[test]
    fn muons_singular_values_are_near_one(rows in 2i64..20, columns in 2i64..20, size in -3.0..3.0f64, seed in 0u64..1000) {
        let slot = TensorSlot::matrix("matrix", &[rows, columns], TensorInit::Constant(0.0));
        let mut parameters = ModelParameters::initial(vec![slot], 1, Device::Cpu);
        let gradient = normal(&[rows, columns], 10f64.powf(size), seed);
        set_gradient(&parameters, &gradient.view([-1]));
        let mut optimizer = OptimizerState::new(Settings::Muon(run::Muon::DEFAULT), &parameters);
        let _ = optimizer.step(&mut parameters, with(1.0, 1));
        let scale = 0.2 * (rows.max(columns) as f64).sqrt();
        let made = parameters.value("matrix").to_kind(Kind::Double) / -scale;

        let (u, sigma, v) = gradient.to_kind(Kind::Double).svd(true, true);
        let norm = sigma.norm().double_value(&[]);
        // Uᵀ·made·V has the new singular values on the diagonal, and zeros elsewhere.
        let turned = u.tr().matmul(&made).matmul(&v);
        let found = turned.diagonal(0, 0, 1);
        let beside = (&turned - Tensor::diag(&found, 0)).abs().max().double_value(&[]);
        prop_assert!(beside < 1e-3, "{beside:e} outside the diagonal");
        for i in 0..sigma.size()[0] {
            let (before, after) = (sigma.double_value(&[i]) / norm, found.double_value(&[i]));
            prop_assert!((after - quintic(before)).abs() < 1e-3, "{before} became {after}, not {}", quintic(before));
            prop_assert!(before < 0.002 || (0.68..1.21).contains(&after), "{before} became {after}");
        }
    }

    /// Adafactor changes no tensor by more than the threshold times learning rate and scale.
    #[test]
    fn adafactors_updates_are_bounded(
        threshold in 0.1..1.5f64, size in -6.0..1.0f64, rate in 1e-3..1.0f64, seed in 0u64..1000,
    ) {
        let settings = run::Adafactor { clip_threshold: threshold, ..ADAFACTOR };
        let mut parameters = drawn(10f64.powf(size), seed);
        let mut optimizer = OptimizerState::new(Settings::Adafactor(settings), &parameters);
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
                // Allow for the rounding of the parameters and of the update.
                prop_assert!(change <= bound * (1.0 + 1e-5) + 1e-7 * rms(&old), "{change:e} exceeds {bound:e}");
                most = most.max(change / bound);
            }
        }
        // Growing gradients reach the bound: before clipping, the update is about t^0.4 at step t.
        prop_assert!(most > 0.99, "the largest update is {most} of the bound");
    }

    /// Each optimizer decreases a quadratic that is steeper in some directions than in others.
    #[test]
    fn each_decreases_a_quadratic(seed in 0u64..1000) {
        for settings in ALL {
            let mut parameters = drawn(0.5, seed);
            let target = normal(&parameters.flat.size(), 0.5, seed + 1);
            let steepness = normal(&parameters.flat.size(), 1.0, seed + 2).exp();
            let loss = |parameters: &ModelParameters| ((&parameters.flat - &target).square() * &steepness).sum(Kind::Float);
            let start = loss(&parameters).double_value(&[]);
            let mut optimizer = OptimizerState::new(settings, &parameters);
            for step in 1..=30 {
                loss(&parameters).backward();
                let _ = optimizer.step(&mut parameters, with(0.05, step));
            }
            let end = loss(&parameters).double_value(&[]);
            prop_assert!(end < 0.8 * start, "{settings:?}: from {start} to {end}");
        }
    }

    /// A new optimizer with a copy of the state continues to the same bits.
    #[test]
    fn the_state_is_all_there_is(stop in 1u64..5, seed in 0u64..1000) {
        let gradient = |parameters: &ModelParameters, step: u64| normal(&parameters.flat.size(), 1.0, seed + step);
        let go_on = |optimizer: &mut OptimizerState, parameters: &mut ModelParameters, steps: std::ops::Range<u64>| {
            for step in steps {
                set_gradient(parameters, &gradient(parameters, step));
                let _ = optimizer.step(parameters, with(0.02, step));
            }
        };
        let check = |settings| {
            let mut parameters = drawn(0.5, seed);
            let mut optimizer = OptimizerState::new(settings, &parameters);
            go_on(&mut optimizer, &mut parameters, 1..stop + 1);

            let mut other = drawn(0.1, seed + 1);
            let mut resumed = OptimizerState::new(settings, &other);
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
            prop_assert!(fused::without_kernels(|| check(settings)), "{settings:?} without kernels");
        }
    }
}
