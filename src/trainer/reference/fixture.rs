//! Numbers of the reference, and how far ours are from them.

use std::collections::HashMap;
use std::path::Path;

use isoflop_core::arch::{Architecture, ModelConfig};
use isoflop_core::run::Precision;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::models::tiny;
use crate::failure::Failure;
use crate::model::{Model, Positions};
use crate::parameters::{Parameters, Slot};

/// How far the model is from the reference.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Differences {
    /// Largest of a logit.
    pub(crate) logits: f64,
    /// Of the cross entropy and of the objective, the larger, nats/token.
    pub(crate) loss: f64,
    /// Largest within a tensor's gradient, relative to that tensor's largest.
    pub(crate) worst_gradient: f64,
    /// Norm of all gradients' differences, relative to their norm.
    pub(crate) gradients: f64,
}

impl Differences {
    /// What rounding explains, for any order of sums. float32 sums of these models differ by 1e-6; bfloat16 has 8 bits, in
    /// which single gradients say little.
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
    pub(crate) fn read(folder: &Path, name: &str) -> Result<Self, Failure> {
        let path = folder.join(format!("{name}.safetensors"));
        let tensors = Tensor::read_safetensors(&path).map_err(|e| {
            Failure::bad_launch(format!("cannot read the fixture `{}`: {e}", path.display()))
        })?;
        Ok(Self {
            tensors: tensors.into_iter().collect(),
        })
    }

    /// # Panics
    /// When it is no fixture of this model.
    pub(crate) fn get(&self, name: &str) -> &Tensor {
        self.tensors
            .get(name)
            .unwrap_or_else(|| panic!("the fixture has no `{name}`"))
    }

    /// A tensor of ours; the reference keeps apart what we stack.
    fn of(&self, kind: &str, slot: &Slot) -> Tensor {
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

    /// Our model with the reference's parameters, its inputs and targets `[B, T]`.
    pub(crate) fn model(
        &self,
        architecture: &Architecture,
        device: Device,
    ) -> (ModelConfig, Parameters, [Tensor; 2]) {
        let tokens = self.get("tokens").to_device(device);
        let t = tokens.size()[1] - 1;
        let config = tiny(architecture, t);
        let parameters = Parameters::initial(Model::slots(&config), 1, device);
        for slot in parameters.slots() {
            parameters.set(&slot.name, &self.of("param", slot));
        }
        let inputs_and_targets = [0, 1].map(|first| tokens.narrow(1, first, t));
        (config, parameters, inputs_and_targets)
    }

    /// Numbers of the reference's parameters.
    #[cfg(test)]
    pub(crate) fn params(&self) -> i64 {
        self.tensors
            .iter()
            .filter(|(name, _)| name.starts_with("param."))
            .map(|(_, t)| t.numel() as i64)
            .sum()
    }

    /// One forward and backward pass of ours beside the reference's numbers.
    pub(crate) fn differences(
        &self,
        architecture: &Architecture,
        precision: Precision,
        device: Device,
    ) -> Differences {
        let (config, parameters, [inputs, targets]) = self.model(architecture, device);
        let views = parameters.views(precision);
        let model = Model::bind(&config, &views);
        let positions = Positions::new(&config, device);
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

/// The larger; what is not a number stays so.
fn maximum([a, b]: [f64; 2]) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}
