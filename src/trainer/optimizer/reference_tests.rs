//! Tests of the optimizers against PyTorch's, and against the equations of the papers
//! (tests/reference/optimizers.py).

use std::collections::HashMap;

use isoflop_core::run::{self, Optimizer as Settings};
use tch::{Device, Kind, Tensor};

use super::{OptimizerState, StepSettings};
use crate::fused;
use crate::parameters::{ModelParameters, TensorInit, TensorSlot};

const UNCLIPPED: f64 = 1e3;
const CLIPPED: f64 = 2.0;
const ADAMW: run::Adamw = run::Adamw {
    beta1: 0.9,
    beta2: 0.95,
    eps: 1e-3,
    weight_decay: 0.1,
    decay_embeddings: false,
};
const MUON: run::Muon = run::Muon {
    momentum: 0.95,
    iterations: 5,
    adamw: run::Adamw {
        decay_embeddings: true,
        ..ADAMW
    },
};
const ADAFACTOR: run::Adafactor = run::Adafactor {
    decay_power: 0.8,
    eps_gradient: 1e-30,
    eps_parameter: 1e-3,
    clip_threshold: 1.0,
    factor_from: 2,
};

/// Tensors of every role, in mixed order. One tensor contains Q, K and V; K and V are smaller than
/// Q.
pub(super) fn slots() -> Vec<TensorSlot> {
    let zero = || TensorInit::Constant(0.0);
    let parts = TensorInit::Parts(vec![(6 * 6, zero()), (3 * 6, zero()), (3 * 6, zero())]);
    vec![
        TensorSlot::exempt("taps", &[3, 6], zero()),
        TensorSlot::embedding("embedding", &[8, 6], zero()),
        TensorSlot::matrix("tall", &[10, 6], zero()),
        TensorSlot::matrix("wide", &[6, 10], zero()),
        TensorSlot::exempt("scale", &[6], zero()),
        TensorSlot::matrix("narrow", &[10, 5], zero()),
        TensorSlot::matrix("qkv", &[12, 6], parts),
        TensorSlot::exempt("bias", &[6], zero()),
    ]
}

/// Sets the gradient of the next step.
pub(super) fn set_gradient(parameters: &ModelParameters, gradient: &Tensor) {
    (&parameters.flat * gradient).sum(Kind::Float).backward();
}

struct Fixture(HashMap<String, Tensor>);

impl Fixture {
    fn read() -> Self {
        let path = format!(
            "{}/../../tests/reference/optimizers.safetensors",
            env!("CARGO_MANIFEST_DIR")
        );
        Self(
            Tensor::read_safetensors(path)
                .unwrap()
                .into_iter()
                .collect(),
        )
    }

    /// Returns the fixture's tensor for a slot, of one step if it has several.
    fn of(&self, kind: &str, slot: &TensorSlot, step: Option<i64>) -> Tensor {
        let one = |name: &str| {
            let found = &self.0[&format!("{kind}.{name}")];
            step.map_or_else(|| found.shallow_clone(), |step| found.get(step))
        };
        if slot.name == "qkv" {
            Tensor::cat(&["q", "k", "v"].map(one), 0)
        } else {
            one(&slot.name)
        }
    }

    fn parameters(&self) -> ModelParameters {
        tch::set_num_threads(1);
        let parameters = ModelParameters::initial(slots(), 1, Device::Cpu);
        parameters
            .slots()
            .iter()
            .for_each(|slot| parameters.set(&slot.name, &self.of("param", slot, None)));
        parameters
    }

    fn gradient(&self, parameters: &ModelParameters, step: i64) -> Tensor {
        let parts = parameters
            .slots()
            .iter()
            .map(|slot| self.of("grad", slot, Some(step)).reshape([-1]));
        Tensor::cat(&parts.collect::<Vec<_>>(), 0)
    }
}

/// Returns the largest difference, relative to the largest number.
fn off(ours: &Tensor, theirs: &Tensor) -> f64 {
    let largest = |x: &Tensor| x.abs().max().double_value(&[]);
    largest(&(ours - theirs)) / largest(theirs)
}

/// Checks that parameters and norms agree within 1e-5 after every step. In Python, the equations in
/// float32 agree within 1e-6.
fn agrees(case: &str, settings: Settings, clip_norm: f64) {
    let fixture = Fixture::read();
    let mut parameters = fixture.parameters();
    let mut optimizer = OptimizerState::new(settings, &parameters);
    let rates = &fixture.0[&format!("{case}.learning_rates")];
    for step in 0..rates.size()[0] {
        set_gradient(&parameters, &fixture.gradient(&parameters, step));
        let learning_rate = rates.double_value(&[step]);
        let with = StepSettings {
            learning_rate,
            clip_norm,
            step: step.cast_unsigned() + 1,
        };
        let norms = optimizer.step(&mut parameters, with);
        for slot in parameters.slots() {
            let off = off(
                &parameters.value(&slot.name),
                &fixture.of(case, slot, Some(step)),
            );
            assert!(
                off < 1e-5,
                "{case}: {} is off by {off:e} after step {step}",
                slot.name
            );
        }
        let off = (norms / fixture.0[&format!("{case}.norms")].get(step) - 1.0)
            .abs()
            .max()
            .double_value(&[]);
        assert!(
            off < 1e-5,
            "{case}: a norm is off by {off:e} at step {step}"
        );
        assert_eq!(
            parameters
                .flat
                .grad()
                .count_nonzero_dim_intlist([0].as_slice())
                .int64_value(&[]),
            0
        );
    }
}

#[test]
fn adamw_is_pytorchs() {
    let clipped = run::Adamw {
        weight_decay: 0.3,
        decay_embeddings: true,
        ..ADAMW
    };
    let check = || {
        agrees("adamw", Settings::Adamw(ADAMW), UNCLIPPED);
        agrees("adamw_clipped", Settings::Adamw(clipped), CLIPPED);
    };
    check();
    fused::without_kernels(check); // the operations of devices other than the CPU
}

#[test]
fn muon_is_pytorchs() {
    agrees("muon", Settings::Muon(MUON), UNCLIPPED);
    let adamw = run::Adamw {
        weight_decay: 0.3,
        ..ADAMW
    };
    agrees(
        "muon_clipped",
        Settings::Muon(run::Muon {
            momentum: 0.8,
            adamw,
            ..MUON
        }),
        CLIPPED,
    );
}

/// PyTorch's Adafactor is the paper's algorithm if every matrix is factored, ε₁ is far below the
/// gradients and learning rates are small.
#[test]
fn adafactor_is_pytorchs_where_that_is_the_papers() {
    agrees(
        "adafactor_all_factored",
        Settings::Adafactor(ADAFACTOR),
        UNCLIPPED,
    );
}

#[test]
fn adafactor_is_the_papers() {
    let settings = run::Adafactor {
        decay_power: 0.7,
        eps_gradient: 1e-3,
        eps_parameter: 0.05,
        clip_threshold: 1.1,
        factor_from: 6,
    };
    agrees("adafactor_clipped", Settings::Adafactor(settings), CLIPPED);
}
