//! The model against an independent PyTorch implementation (tests/reference): every preset, and mixtures in
//! which every choice occurs.

use std::collections::HashMap;

use isoflop::arch::{
    Activation, Architecture, Biases, Convolution, ConvolutionInit, FeedForwardWidth, Head, LLAMA_STYLE, LogitScale,
    ModelConfig, Norm, Operation, PRESETS, PRIMER, Positions as PositionKind, QkvConvolution, QkvProjections,
    ScoreScale, Shape, TRANSFORMER,
};
use isoflop::run::Precision;
use tch::{Device, Kind, Tensor};

use super::{Model, Positions};
use crate::fused;
use crate::parameters::{Parameters, Slot};

/// heads·d_head is not d_model, so that the two cannot be taken for each other.
pub(super) const TINY: Shape = Shape { d_model: 12, layers: 2, heads: 4, d_head: 4, d_ff: 24 };
const VOCABULARY: u32 = 24;

const fn wide(width: u32, residual: bool) -> Convolution {
    Convolution { width, residual, init: ConvolutionInit::Paper }
}

/// The mixtures of tests/reference/model.py.
pub(super) const VARIANTS: [(&str, Architecture); 4] = [
    (
        "variant_grouped",
        Architecture {
            head: Head::Tied,
            qk_norm: true,
            qkv_projections: QkvProjections::GroupedQuery { group: 2 },
            qkv_convolution: QkvConvolution::Depthwise(wide(4, true)),
            ..LLAMA_STYLE
        },
    ),
    (
        "variant_biased",
        Architecture {
            positions: PositionKind::Learned,
            biases: Biases::All,
            attention_softcap: Some(5.0),
            logit_softcap: Some(3.0),
            z_loss: 1e-4,
            activation: Activation::Gelu,
            gated: true,
            d_ff: FeedForwardWidth::Full,
            ..TRANSFORMER
        },
    ),
    (
        "variant_bare",
        Architecture {
            positions: PositionKind::None,
            norm: Norm::Rms,
            qkv_convolution: QkvConvolution::Separable(wide(5, true)),
            score_scale: ScoreScale::InverseSqrt,
            head: Head::Untied,
            logit_scale: LogitScale::One,
            qkv_projections: QkvProjections::SharedQk,
            ..TRANSFORMER
        },
    ),
    (
        "variant_primer_rotary",
        Architecture {
            positions: PositionKind::Rotary { base: 1e4 },
            biases: Biases::All,
            qk_norm: true,
            score_scale: ScoreScale::InverseSqrt,
            qkv_convolution: QkvConvolution::Depthwise(wide(7, false)),
            ..PRIMER
        },
    ),
];

/// Presets and mixtures by name.
pub(super) fn architectures() -> impl Iterator<Item = (&'static str, Architecture)> {
    PRESETS.iter().map(|preset| (preset.name, preset.architecture)).chain(VARIANTS)
}

pub(super) fn tiny(architecture: Architecture, sequence_length: i64) -> ModelConfig {
    ModelConfig::new(architecture, &TINY, VOCABULARY, sequence_length as u32).unwrap()
}

fn largest(t: &Tensor) -> f64 {
    t.abs().max().double_value(&[])
}

struct Fixture(HashMap<String, Tensor>);

impl Fixture {
    fn read(name: &str) -> Self {
        let path = format!("{}/tests/reference/fixtures/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        Self(Tensor::read_safetensors(path).unwrap().into_iter().collect())
    }

    fn scalar(&self, name: &str) -> f64 {
        self.0[name].double_value(&[0])
    }

    /// A tensor of ours; the reference keeps apart what we stack.
    fn of(&self, kind: &str, slot: &Slot) -> Tensor {
        let Some((layer, part)) = slot.name.split_once(".attention.") else {
            return self.0[&format!("{kind}.{}", slot.name)].shallow_clone();
        };
        let stacked = |names: &[&str], axis: i64| {
            let parts: Vec<&Tensor> =
                names.iter().filter_map(|name| self.0.get(&format!("{kind}.{layer}.attention.{name}"))).collect();
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

    /// Our model with the reference's parameters, its inputs and targets.
    fn model(&self, architecture: Architecture) -> (ModelConfig, Parameters, [Tensor; 2]) {
        tch::set_num_threads(1);
        let tokens = &self.0["tokens"];
        let t = tokens.size()[1] - 1;
        let config = tiny(architecture, t);
        let parameters = Parameters::initial(Model::slots(&config), 1, Device::Cpu);
        for slot in parameters.slots() {
            parameters.set(&slot.name, &self.of("param", slot));
        }
        (config, parameters, [tokens.narrow(1, 0, t), tokens.narrow(1, 1, t)])
    }

    fn params(&self) -> i64 {
        self.0.iter().filter(|(name, _)| name.starts_with("param.")).map(|(_, t)| t.numel() as i64).sum()
    }
}

#[test]
fn logits_loss_and_gradients_are_the_references() {
    architectures().for_each(|(name, architecture)| agrees(name, architecture));
}

/// What other devices than the processor compute.
#[test]
fn libtorchs_own_operations_agree_too() {
    fused::without(|| architectures().for_each(|(name, architecture)| agrees(name, architecture)));
}

fn agrees(name: &str, architecture: Architecture) {
    let fixture = Fixture::read(name);
    let (config, parameters, [inputs, targets]) = fixture.model(architecture);
    assert_eq!(parameters.count().0 as i64, fixture.params(), "{name}: parameters");
    let views = parameters.views(Precision::Float32);
    let (model, positions) = (Model::bind(&config, &views), Positions::new(&config, Device::Cpu));
    let off = largest(&(model.forward(&inputs, &positions) - &fixture.0["logits"]));
    assert!(off < 1e-5, "{name}: logits are off by {off:e}");

    let loss = model.loss(&inputs, &targets, &positions);
    loss.objective.backward();
    for (what, found) in [("loss", &loss.cross_entropy), ("training_loss", &loss.objective)] {
        let off = (found.double_value(&[]) - fixture.scalar(what)).abs();
        assert!(off < 1e-5, "{name}: {what} is off by {off:e}");
    }
    for slot in parameters.slots() {
        let expected = fixture.of("grad", slot);
        let off = largest(&(parameters.gradient(&slot.name) - &expected)) / largest(&expected);
        assert!(off < 1e-4, "{name}: gradient of {} is off by {off:e}", slot.name);
    }
}

/// bfloat16 has 8 bits: the loss agrees to a percent, gradients to a few, with the kernels and without.
#[test]
fn bfloat16_is_the_reference_rounded() {
    let check = |name: &str, architecture, most: f64| {
        let fixture = Fixture::read(name);
        let (config, parameters, [inputs, targets]) = fixture.model(architecture);
        let views = parameters.views(Precision::Bfloat16);
        let positions = Positions::new(&config, Device::Cpu);
        let loss = Model::bind(&config, &views).loss(&inputs, &targets, &positions);
        loss.objective.backward();
        let off = (loss.cross_entropy.double_value(&[]) / fixture.scalar("loss") - 1.0).abs();
        assert!(off < 1e-2, "{name}: the loss is off by {off:e}");
        let parts = parameters.slots().iter().map(|slot| (parameters.gradient(&slot.name), fixture.of("grad", slot)));
        let square = |x: &Tensor| x.square().sum(Kind::Double).double_value(&[]);
        let (off, size) = parts
            .fold((0.0, 0.0), |(off, size), (ours, theirs)| (off + square(&(ours - &theirs)), size + square(&theirs)));
        assert!((off / size).sqrt() < most, "{name}: gradients are off by {:e}", (off / size).sqrt());
    };
    architectures().for_each(|(name, architecture)| check(name, architecture, 0.05));
    // Scores are rounded there, which the kernel keeps in float32.
    fused::without(|| architectures().for_each(|(name, architecture)| check(name, architecture, 0.1)));
}

fn counts() -> serde_json::Value {
    let path = format!("{}/tests/reference/counts.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Parameters of every preset at the paper's sizes and vocabulary, against the reference's own shapes.
#[test]
fn parameter_totals_are_the_references() {
    let counts = counts();
    for preset in PRESETS {
        for size in ["small", "medium", "large"] {
            let config = ModelConfig::new(preset.architecture, &size.parse().unwrap(), 32_128, 512).unwrap();
            let expected = counts["params"][preset.name][size].as_u64().unwrap();
            assert_eq!(config.params().total().0, expected, "{} {size}", preset.name);
        }
    }
}

/// Matrix products against `torch.utils.flop_counter`: equal, forward and backward, but for the convolutions, which it
/// does not see (tests/reference/README.md explains the differences).
#[test]
fn matrix_products_are_what_pytorch_counts() {
    const T: u64 = 16;
    let counts = counts();
    for (name, architecture) in architectures() {
        let config = tiny(architecture, T as i64);
        let products: u64 = config
            .flops_by_operation()
            .iter()
            .filter(|(operation, _)| *operation != Operation::QkvConvolution)
            .map(|(_, counted)| counted.forward)
            .sum();
        let pytorch = |pass: &str| {
            let by_operation = counts["flops"][name][pass].as_object().unwrap();
            by_operation.values().map(|count| count.as_u64().unwrap()).sum::<u64>()
        };
        assert_eq!(T * products, pytorch("forward"), "{name}");
        assert_eq!(2 * T * products, pytorch("backward"), "{name}");
    }
}
