//! Numbers of the reference, and the differences of a model from them.

use std::collections::HashMap;
use std::path::Path;

use isoflop_core::arch::{Architecture, ModelConfig};
use isoflop_core::run::Precision;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::models::tiny;
use crate::failure::TrainerFailure;
use crate::model::{LanguageModel, PositionTerms};
use crate::parameters::{ModelParameters, TensorSlot};

/// Differences of the model from the reference.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Differences {
    /// Largest difference of a logit.
    pub(crate) logits: f64,
    /// Larger difference of cross entropy and objective, nats/token.
    pub(crate) loss: f64,
    /// Largest difference within a tensor's gradient, relative to the largest number of that
    /// gradient.
    pub(crate) worst_gradient: f64,
    /// Norm of the differences of all gradients, relative to the norm of the gradients.
    pub(crate) gradients: f64,
}

impl Differences {
    /// Reports whether rounding explains the differences, for any order of sums. float32 sums of
    /// these models differ by 1e-6. bfloat16 has 8 bits, too few to compare single gradients.
    pub(super) fn are_rounding(&self, precision: Precision) -> bool {
        match precision {
            Precision::Float32 => {
                self.logits < 1e-4 && self.loss < 1e-4 && self.worst_gradient < 1e-3
            }
            Precision::Bfloat16 => self.loss < 3e-2 && self.gradients < 0.1,
        }
    }
}

/// Numbers of the reference for one architecture.
pub(crate) struct Fixture {
    tensors: HashMap<String, Tensor>,
}

impl Fixture {
    pub(crate) fn read(folder: &Path, name: &str) -> Result<Self, TrainerFailure> {
        let path = folder.join(format!("{name}.safetensors"));
        let tensors = Tensor::read_safetensors(&path).map_err(|e| {
            TrainerFailure::bad_launch(format!("cannot read the fixture `{}`: {e}", path.display()))
        })?;
        Ok(Self {
            tensors: tensors.into_iter().collect(),
        })
    }

    /// Returns a tensor of the fixture.
    ///
    /// # Panics
    /// If the fixture does not belong to this model.
    pub(crate) fn get(&self, name: &str) -> &Tensor {
        self.tensors
            .get(name)
            .unwrap_or_else(|| panic!("the fixture has no `{name}`"))
    }

    /// Returns the reference's values of a slot. The reference has separate tensors for the stacked
    /// projections.
    fn of(&self, kind: &str, slot: &TensorSlot) -> Tensor {
        let Some((layer, part)) = slot.name.split_once(".attention.") else {
            return self.get(&format!("{kind}.{}", slot.name)).shallow_clone();
        };
        let stacked = |names: &[&str], axis: i64| {
            let parts: Vec<&Tensor> = names
                .iter()
                .filter_map(|name| {
                    self.tensors
                        .get(&format!("{kind}.{layer}.attention.{name}"))
                })
                .collect();
            Tensor::cat(&parts, axis)
        };
        match part {
            "qkv" => stacked(&["q", "k", "v"], 0),
            "zv" => stacked(&["z", "v"], 0),
            "qkv_bias" => stacked(&["q_bias", "k_bias", "v_bias"], 0),
            "zv_bias" => stacked(&["z_bias", "v_bias"], 0),
            "conv" => stacked(&["conv_q", "conv_k", "conv_z", "conv_v"], 1),
            "query_from_key" => stacked(&["q_from_z"], 0),
            same => stacked(&[same], 0),
        }
    }

    /// Builds the model with the reference's parameters, and its inputs and targets `[B, T]`.
    pub(crate) fn model(
        &self,
        architecture: &Architecture,
        device: Device,
    ) -> (ModelConfig, ModelParameters, [Tensor; 2]) {
        let tokens = self.get("tokens").to_device(device);
        let t = tokens.size()[1] - 1;
        let config = tiny(architecture, t);
        let parameters = ModelParameters::initial(LanguageModel::slots(&config), 1, device);
        for slot in parameters.slots() {
            parameters.set(&slot.name, &self.of("param", slot));
        }
        let inputs_and_targets = [0, 1].map(|first| tokens.narrow(1, first, t));
        (config, parameters, inputs_and_targets)
    }

    /// Returns the number of the reference's parameters.
    #[cfg(test)]
    pub(crate) fn params(&self) -> i64 {
        self.tensors
            .iter()
            .filter(|(name, _)| name.starts_with("param."))
            .map(|(_, t)| t.numel() as i64)
            .sum()
    }

    /// Compares one forward and backward pass with the reference.
    pub(crate) fn differences(
        &self,
        architecture: &Architecture,
        precision: Precision,
        device: Device,
    ) -> Differences {
        let (config, parameters, [inputs, targets]) = self.model(architecture, device);
        let views = parameters.views(precision);
        let model = LanguageModel::bind(&config, &views);
        let positions = PositionTerms::new(&config, device);
        let logits = tch::no_grad(|| model.forward(&inputs, &positions));
        let loss = model.loss(&inputs, &targets, &positions);
        loss.objective.backward();

        let scalar = |name: &str| self.get(name).double_value(&[0]);
        let of_loss = [
            ("loss", &loss.cross_entropy),
            ("training_loss", &loss.objective),
        ]
        .map(|(name, found)| (found.double_value(&[]) - scalar(name)).abs());
        let (mut off, mut size, mut worst) = (0.0, 0.0, 0.0f64);
        for slot in parameters.slots() {
            let found = host(&parameters.gradient(&slot.name));
            let expected = host(&self.of("grad", slot));
            let difference = &found - &expected;
            off += squares(&difference);
            size += squares(&expected);
            worst = maximum([worst, largest(&difference) / largest(&expected)]);
        }
        Differences {
            logits: largest(&(host(&logits) - host(self.get("logits")))),
            loss: maximum(of_loss),
            worst_gradient: worst,
            gradients: (off / size).sqrt(),
        }
    }
}

fn host(x: &Tensor) -> Tensor {
    x.to_device(Device::Cpu).to_kind(Kind::Double)
}

fn squares(x: &Tensor) -> f64 {
    x.square().sum(Kind::Double).double_value(&[])
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

/// Returns the larger number, or NaN if one is NaN.
fn maximum([a, b]: [f64; 2]) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}
