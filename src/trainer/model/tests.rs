//! The model against an independent PyTorch implementation (tests/reference), and properties of its own.

use std::collections::HashMap;

use isoflop::arch::{Preset, Shape};
use tch::{Device, Kind, Tensor};

use super::attention::causal_depthwise_convolution;
use super::{Model, RelativePositions, slots};
use crate::parameters::Parameters;

const SHAPE: Shape = Shape { d_model: 16, layers: 2, heads: 2, d_head: 8, d_ff: 64 };
const VOCABULARY: u32 = 48;

fn parameters(preset: Preset) -> Parameters {
    Parameters::initial(slots(&preset.architecture(), &SHAPE, VOCABULARY), 1, Device::Cpu)
}

fn logits(preset: Preset, parameters: &Parameters, tokens: &Tensor) -> Tensor {
    let views = parameters.views();
    let positions = RelativePositions::new(tokens.size()[1], Device::Cpu);
    Model::bind(&preset.architecture(), &SHAPE, &views).forward(tokens, &positions)
}

fn reference(preset: Preset) -> HashMap<String, Tensor> {
    let path = format!("{}/tests/reference/fixtures/{preset}.safetensors", env!("CARGO_MANIFEST_DIR"));
    Tensor::read_safetensors(path).unwrap().into_iter().collect()
}

fn largest(t: &Tensor) -> f64 {
    t.abs().max().double_value(&[])
}

#[test]
fn logits_loss_and_gradients_are_the_references() {
    for preset in Preset::ALL {
        let fixture = reference(preset);
        let parameters = parameters(preset);
        for slot in parameters.slots() {
            parameters.set(&slot.name, &fixture[&format!("param.{}", slot.name)]);
        }
        let tokens = &fixture["tokens"];
        let t = tokens.size()[1] - 1;
        let (inputs, targets) = (tokens.narrow(1, 0, t), tokens.narrow(1, 1, t));
        let off = largest(&(logits(preset, &parameters, &inputs) - &fixture["logits"]));
        assert!(off < 1e-5, "{preset}: logits are off by {off:e}");

        let views = parameters.views();
        let positions = RelativePositions::new(t, Device::Cpu);
        let loss = Model::bind(&preset.architecture(), &SHAPE, &views).loss(&inputs, &targets, &positions);
        loss.backward();
        let off = (loss.double_value(&[]) - fixture["loss"].double_value(&[0])).abs();
        assert!(off < 1e-5, "{preset}: loss is off by {off:e}");
        for slot in parameters.slots() {
            let expected = &fixture[&format!("grad.{}", slot.name)];
            let off = largest(&(parameters.gradient(&slot.name) - expected)) / largest(expected);
            assert!(off < 1e-4, "{preset}: gradient of {} is off by {off:e}", slot.name);
        }
    }
}

/// Changing token t+1 leaves logits up to t as they were, bit for bit.
#[test]
fn no_position_sees_the_future() {
    for preset in Preset::ALL {
        let parameters = parameters(preset);
        let tokens = Tensor::arange(40, (Kind::Int64, Device::Cpu)).view([1, 40]);
        let before = logits(preset, &parameters, &tokens);
        for t in [0, 1, 2, 17, 38] {
            let changed = tokens.copy();
            let _ = changed.narrow(1, t + 1, 1).fill_(47);
            let after = logits(preset, &parameters, &changed);
            assert!(
                before.narrow(1, 0, t + 1).equal(&after.narrow(1, 0, t + 1)),
                "{preset}: position {t} saw {}",
                t + 1
            );
            assert!(!before.narrow(1, t + 1, 1).equal(&after.narrow(1, t + 1, 1)), "{preset}: {} has no effect", t + 1);
        }
    }
}

/// The definition, written out: zeros before the start, a weight of its own for each tap and channel.
#[test]
fn the_convolution_is_its_definition() {
    let (t, c) = (5, 3);
    let x = Tensor::arange(t * c, (Kind::Float, Device::Cpu)).view([1, t, c]);
    let taps = Tensor::from_slice(&[1f32, 2., 3., 10., 20., 30., 100., 200., 300.]).view([3, c]);
    let y = causal_depthwise_convolution(&x, &taps);
    let at = |tensor: &Tensor, i: i64, ch: i64| if i < 0 { 0.0 } else { tensor.double_value(&[0, i, ch]) };
    for i in 0..t {
        for ch in 0..c {
            let expected: f64 = (0..3).map(|k| taps.double_value(&[k, ch]) * at(&x, i - k, ch)).sum();
            assert_eq!(at(&y, i, ch), expected, "t {i}, channel {ch}");
        }
    }
}
