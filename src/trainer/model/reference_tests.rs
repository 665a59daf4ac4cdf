//! Tests of the model against an independent PyTorch implementation (tests/reference): every
//! preset, and mixtures that contain every choice.

use std::path::{Path, PathBuf};

use isoflop_core::arch::{Architecture, ModelConfig, Operation, PRESETS};
use isoflop_core::run::Precision;
use tch::{Device, Kind, Tensor};

use super::attention_path::AttentionPath;
use super::{LanguageModel, PositionTerms};
use crate::fused;
use crate::reference::{Fixture, architectures, tiny};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/fixtures")
}

fn fixture(name: &str) -> Fixture {
    // Tests run in parallel and tensors are tiny, so more threads would only wait for each other.
    tch::set_num_threads(1);
    Fixture::read(&fixtures(), name).unwrap()
}

#[test]
fn logits_loss_and_gradients_are_the_references() {
    architectures().for_each(|(name, architecture)| agrees(name, architecture));
}

/// The operations of devices other than the CPU, libtorch's attention among them, agree too.
#[test]
fn libtorchs_own_operations_agree_too() {
    fused::without_kernels(|| {
        architectures().for_each(|(name, architecture)| agrees(name, architecture))
    });
}

fn agrees(name: &str, architecture: &Architecture) {
    let fixture = fixture(name);
    let (_, parameters, _) = fixture.model(architecture, Device::Cpu);
    assert_eq!(
        parameters.count().0 as i64,
        fixture.params(),
        "{name}: parameters"
    );
    let off = fixture.differences(architecture, Precision::Float32, Device::Cpu);
    assert!(
        off.logits < 1e-5,
        "{name}: logits are off by {:e}",
        off.logits
    );
    assert!(off.loss < 1e-5, "{name}: the loss is off by {:e}", off.loss);
    assert!(
        off.worst_gradient < 1e-4,
        "{name}: a gradient is off by {:e}",
        off.worst_gradient
    );
}

/// bfloat16 has 8 bits: the loss agrees to one percent and gradients to a few, with and without the
/// kernels.
#[test]
fn bfloat16_is_the_reference_rounded() {
    let check = |name: &str, architecture, most: f64| {
        let fixture = fixture(name);
        let off = fixture.differences(architecture, Precision::Bfloat16, Device::Cpu);
        assert!(
            off.loss < 1e-2 * fixture.get("loss").double_value(&[0]),
            "{name}: the loss is off by {:e}",
            off.loss
        );
        assert!(
            off.gradients < most,
            "{name}: gradients are off by {:e}",
            off.gradients
        );
    };
    architectures().for_each(|(name, architecture)| check(name, architecture, 0.05));
    // Without the kernels, scores are rounded to bfloat16. The kernel keeps them in float32.
    fused::without_kernels(|| {
        architectures().for_each(|(name, architecture)| check(name, architecture, 0.1))
    });
}

/// Soft-capped scores are composed on every device. All others use libtorch where the fused kernel
/// is not available.
#[test]
fn attention_is_libtorchs_where_it_is_not_ours() {
    let x = Tensor::zeros([1], (Kind::Float, Device::Cpu));
    let chosen = |bounds_scores| AttentionPath::of(&x, bounds_scores);
    assert_eq!(
        [chosen(false), chosen(true)],
        [AttentionPath::Fused, AttentionPath::Composed]
    );
    fused::without_kernels(|| {
        assert_eq!(
            [chosen(false), chosen(true)],
            [AttentionPath::Library, AttentionPath::Composed]
        );
    });
}

/// Computes logits and all gradients by one path.
fn by(
    path: AttentionPath,
    name: &str,
    architecture: &Architecture,
    precision: Precision,
) -> [Tensor; 2] {
    let (config, parameters, [inputs, _]) = fixture(name).model(architecture, Device::Cpu);
    let logits = {
        let views = parameters.views(precision);
        LanguageModel::bind(&config, &views).forward_by(
            path,
            &inputs,
            &PositionTerms::new(&config, Device::Cpu),
        )
    };
    let logits = logits.to_kind(Kind::Float);
    let weights = Tensor::arange(logits.numel() as i64, (Kind::Float, Device::Cpu))
        .sin()
        .view_as(&logits);
    (&logits * weights).mean(Kind::Float).backward();
    [logits.detach(), parameters.flat.grad()]
}

/// libtorch's attention, with the relative bias as mask or with its own causal mask, equals the
/// composition.
#[test]
fn librarys_attention_is_the_composition() {
    for (name, architecture) in
        architectures().filter(|(_, architecture)| architecture.attention_softcap.is_none())
    {
        for (precision, most) in [(Precision::Float32, 1e-5), (Precision::Bfloat16, 5e-2)] {
            fused::without_kernels(|| {
                let [library, composed] = [AttentionPath::Library, AttentionPath::Composed]
                    .map(|path| by(path, name, architecture, precision));
                for (what, ours, theirs) in [
                    ("logits", &library[0], &composed[0]),
                    ("gradients", &library[1], &composed[1]),
                ] {
                    let off = ((ours - theirs).norm() / theirs.norm()).double_value(&[]);
                    assert!(
                        off < most,
                        "{name}, {precision:?}: {what} are off by {off:e}"
                    );
                }
            });
        }
    }
}

fn counts() -> serde_json::Value {
    let path = format!(
        "{}/../../tests/reference/counts.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Parameters of every preset at the paper's sizes and vocabulary equal those of the reference's
/// shapes.
#[test]
fn parameter_totals_are_the_references() {
    let counts = counts();
    for preset in PRESETS {
        for size in ["small", "medium", "large"] {
            let config =
                ModelConfig::new(&preset.architecture, &size.parse().unwrap(), 32_128, 512)
                    .unwrap();
            let expected = counts["params"][preset.name][size].as_u64().unwrap();
            assert_eq!(
                config.params().total().0,
                expected,
                "{} {size}",
                preset.name
            );
        }
    }
}

/// FLOPs of matrix products equal those of `torch.utils.flop_counter`, forward and backward, except
/// for convolutions, which it does not count (tests/reference/README.md explains the differences).
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
            by_operation
                .values()
                .map(|count| count.as_u64().unwrap())
                .sum::<u64>()
        };
        assert_eq!(T * products, pytorch("forward"), "{name}");
        assert_eq!(2 * T * products, pytorch("backward"), "{name}");
    }
}
