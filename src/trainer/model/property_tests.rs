//! Properties of all architectures.

use isoflop_core::arch::{
    Activation, Architecture, BiasPlacement, Convolution, ConvolutionInit, FeedForwardWidth,
    Initialisation, LLAMA_STYLE, LogitScale, ModelConfig, Norm, NormPlacement, OutputHead, PRESETS,
    Positions as PositionKind, QkvConvolution, QkvProjections, ScoreScale, Shape, TRANSFORMER,
};
use isoflop_core::run::{self, Adamw, Precision};
use proptest::prelude::*;
use proptest::sample::select;
use tch::{Device, Kind, Tensor};

use super::convolution::convolve;
use super::{LanguageModel, PositionTerms};
use crate::optimizer::{OptimizerState, StepSettings};
use crate::parameters::ModelParameters;
use crate::reference::{TINY, architectures, tiny};

fn logits(
    config: &ModelConfig,
    parameters: &ModelParameters,
    tokens: &Tensor,
    positions: &PositionTerms,
) -> Tensor {
    tch::no_grad(|| {
        LanguageModel::bind(config, &parameters.views(Precision::Float32))
            .forward(tokens, positions)
    })
}

fn initial(config: &ModelConfig, seed: u64) -> ModelParameters {
    // Tests run in parallel and tensors are tiny, so more threads would only wait for each other.
    tch::set_num_threads(1);
    ModelParameters::initial(LanguageModel::slots(config), seed, Device::Cpu)
}

/// Changing token t+1 does not change a bit of the logits up to t.
#[test]
fn no_position_sees_the_future() {
    for (name, architecture) in architectures() {
        let config = tiny(architecture, 20);
        let (parameters, positions) = (
            initial(&config, 1),
            PositionTerms::new(&config, Device::Cpu),
        );
        let tokens = Tensor::arange(20, (Kind::Int64, Device::Cpu)).view([1, 20]);
        let before = logits(&config, &parameters, &tokens, &positions);
        for t in [0, 1, 2, 9, 18] {
            let changed = tokens.copy();
            let _ = changed.narrow(1, t + 1, 1).fill_(23);
            let after = logits(&config, &parameters, &changed, &positions);
            let same = |from: i64, len: i64| {
                before
                    .narrow(1, from, len)
                    .equal(&after.narrow(1, from, len))
            };
            assert!(same(0, t + 1), "{name}: position {t} saw {}", t + 1);
            assert!(!same(t + 1, 1), "{name}: {} has no effect", t + 1);
        }
    }
}

/// With rotary positions only distances count: a sequence that begins at position 7 has the logits
/// of one that begins at 0. This requires the convolution before the rotation. After it, taps that
/// differ between the two channels of a pair would mix vectors of different rotations.
#[test]
fn the_convolution_comes_before_the_rotation() {
    let uniform = Convolution {
        width: 3,
        residual: false,
        init: ConvolutionInit::Uniform,
    };
    let convolved = Architecture {
        qkv_convolution: QkvConvolution::Depthwise(uniform),
        initialisation: Initialisation::Normal { std: 0.5 },
        ..LLAMA_STYLE
    };
    let config = tiny(&convolved, 20);
    let parameters = initial(&config, 1);
    let tokens = Tensor::arange(20, (Kind::Int64, Device::Cpu)).view([1, 20]);
    let from = |first| {
        logits(
            &config,
            &parameters,
            &tokens,
            &PositionTerms::starting_at(first, &config, Device::Cpu),
        )
    };
    let off = (from(0) - from(7)).abs().max().double_value(&[]);
    assert!(off < 1e-4, "logits depend on absolute positions by {off:e}");
    let unturned = Architecture {
        positions: PositionKind::None,
        ..convolved
    };
    let unturned = logits(
        &tiny(&unturned, 20),
        &parameters,
        &tokens,
        &PositionTerms::new(&tiny(&unturned, 20), Device::Cpu),
    );
    assert!(
        (from(0) - unturned).abs().max().double_value(&[]) > 1e-2,
        "the rotation has no effect"
    );
}

/// The convolution equals its definition: zeros before the start, one weight for each tap and
/// channel.
#[test]
fn the_convolution_is_its_definition() {
    let (t, c) = (5, 3);
    let x = Tensor::arange(t * c, (Kind::Float, Device::Cpu)).view([1, t, c]);
    let taps = Tensor::from_slice(&[1f32, 2., 3., 10., 20., 30., 100., 200., 300.]).view([3, c]);
    let y = convolve(&x, &taps);
    let at = |tensor: &Tensor, i: i64, ch: i64| {
        if i < 0 {
            0.0
        } else {
            tensor.double_value(&[0, i, ch])
        }
    };
    for i in 0..t {
        for ch in 0..c {
            let expected: f64 = (0..3)
                .map(|k| taps.double_value(&[k, ch]) * at(&x, i - k, ch))
                .sum();
            assert_eq!(at(&y, i, ch), expected, "t {i}, channel {ch}");
        }
    }
}

/// A tap affects only its own channel. Only the first tap affects the first position, because
/// padding is on the left.
#[test]
fn taps_are_not_shared_and_padding_is_on_the_left() {
    let (width, c) = (4, 6);
    let x = Tensor::arange(8 * c, (Kind::Float, Device::Cpu)).view([1, 8, c]) + 1.0;
    let taps = Tensor::ones([width, c], (Kind::Float, Device::Cpu));
    let y = convolve(&x, &taps);
    for tap in 0..width {
        for channel in 0..c {
            let changed = taps.copy();
            let _ = changed.narrow(0, tap, 1).narrow(1, channel, 1).fill_(3.0);
            let moved = (convolve(&x, &changed) - &y).abs(); // [1, T, C]
            for other in 0..c {
                let by = moved.select(2, other).view([-1]);
                let first = i64::from(other != channel).max(tap);
                assert_eq!(
                    by.max().double_value(&[]) > 0.0,
                    other == channel,
                    "tap {tap} of {channel} moves {other}"
                );
                assert_eq!(
                    by.get(0).double_value(&[]) > 0.0,
                    other == channel && first == 0,
                    "tap {tap} at the start"
                );
            }
        }
    }
}

/// A uniform guess has a loss of ln V. GPT-2's initialisation has logits near zero and a loss
/// within 2% of that. The paper's, with an embedding of unit variance and the factor d_model^-0.5,
/// has logits of unit variance: E[exp] is exp(1/2), and the loss is 1/2 above ln V.
#[test]
fn the_first_loss_is_what_the_start_implies() {
    const V: u32 = 4096;
    for preset in PRESETS {
        let config = ModelConfig::new(&preset.architecture, &TINY, V, 64).unwrap();
        let (parameters, positions) = (
            initial(&config, 3),
            PositionTerms::new(&config, Device::Cpu),
        );
        let tokens = (Tensor::arange(4 * 65, (Kind::Int64, Device::Cpu)) * 1009)
            .remainder(i64::from(V))
            .view([4, 65]);
        let (inputs, targets) = (tokens.narrow(1, 0, 64), tokens.narrow(1, 1, 64));
        let loss = tch::no_grad(|| {
            LanguageModel::bind(&config, &parameters.views(Precision::Float32))
                .loss(&inputs, &targets, &positions)
        });
        let expected = f64::from(V).ln()
            + match preset.architecture.initialisation {
                Initialisation::Paper => 0.5,
                Initialisation::Normal { .. } => 0.0,
            };
        let found = loss.cross_entropy.double_value(&[]);
        assert!(
            (found / expected - 1.0).abs() < 0.02,
            "{}: {found:.3}, expected {expected:.3}",
            preset.name
        );
    }
}

/// Every architecture memorises a batch, and every tensor changes.
#[test]
fn one_batch_is_learned_by_heart() {
    for (name, architecture) in architectures() {
        let config = tiny(architecture, 16);
        let (mut parameters, positions) = (
            initial(&config, 2),
            PositionTerms::new(&config, Device::Cpu),
        );
        let before = parameters.flat.detach().copy();
        let adamw = Adamw {
            weight_decay: 0.0,
            ..Adamw::DEFAULT
        };
        let mut optimizer = OptimizerState::new(run::Optimizer::Adamw(adamw), &parameters);
        let tokens = (Tensor::arange(17, (Kind::Int64, Device::Cpu)) * 7)
            .remainder(23)
            .view([1, 17]);
        let (inputs, targets) = (tokens.narrow(1, 0, 16), tokens.narrow(1, 1, 16));
        let mut last = f64::INFINITY;
        for step in 1..=120 {
            let loss = LanguageModel::bind(&config, &parameters.views(Precision::Float32))
                .loss(&inputs, &targets, &positions);
            loss.objective.backward();
            last = loss.cross_entropy.double_value(&[]);
            let _ = optimizer.step(
                &mut parameters,
                StepSettings {
                    learning_rate: 1e-2,
                    clip_norm: 1.0,
                    step,
                },
            );
        }
        // A soft cap of 3 leaves some probability for each token: 23 others at exp(-6) give a loss
        // of 0.06.
        assert!(last < 0.2, "{name}: the final loss is {last}");
        for slot in parameters.slots() {
            let moved = (parameters.value(&slot.name) - parameters.value_in(&before, &slot.name))
                .abs()
                .max();
            assert!(
                moved.double_value(&[]) > 0.0,
                "{name}: {} does not change",
                slot.name
            );
        }
    }
}

fn convolutions() -> impl Strategy<Value = QkvConvolution> {
    const INITS: &[ConvolutionInit] = &[
        ConvolutionInit::Paper,
        ConvolutionInit::Identity,
        ConvolutionInit::Zero,
        ConvolutionInit::Uniform,
    ];
    (0..3u8, 2..=7u32, any::<bool>(), select(INITS)).prop_map(|(kind, width, residual, init)| {
        let residual =
            (residual || init == ConvolutionInit::Zero) && init != ConvolutionInit::Identity;
        let convolution = Convolution {
            width,
            residual,
            init,
        };
        match kind {
            0 => QkvConvolution::None,
            1 => QkvConvolution::Depthwise(convolution),
            _ => QkvConvolution::Separable(convolution),
        }
    })
}

prop_compose! {
    /// Generates any architecture without contradictions.
    fn any_architecture()(
        norm in select(&[Norm::Layer, Norm::Rms, Norm::Primer][..]),
        norm_placement in select(&[NormPlacement::Pre, NormPlacement::PrePost][..]),
        positions in select(&[PositionKind::T5Relative, PositionKind::Rotary { base: 100.0 }, PositionKind::Learned, PositionKind::None][..]),
        activation in select(&[Activation::Relu, Activation::SquaredRelu, Activation::Gelu, Activation::Swish][..]),
        d_ff in select(&[FeedForwardWidth::Full, FeedForwardWidth::TwoThirds, FeedForwardWidth::Ratio(2.5)][..]),
        qkv_projections in select(&[QkvProjections::Separate, QkvProjections::SharedQk, QkvProjections::GroupedQuery { group: 2 }][..]),
        qkv_convolution in convolutions(),
        biases in select(&[BiasPlacement::None, BiasPlacement::FeedForward, BiasPlacement::All][..]),
        (gated, qk_norm, folded, normal, tied, scaled) in any::<(bool, bool, bool, bool, bool, bool)>(),
        attention_softcap in select(&[None, Some(20.0)][..]),
        logit_softcap in select(&[None, Some(10.0)][..]),
        z_loss in select(&[0.0, 1e-4][..]),
    ) -> Architecture {
        let folded = folded && !qk_norm && !normal;
        Architecture {
            norm, norm_placement, positions, activation, gated, d_ff, qkv_projections, qkv_convolution, qk_norm, biases,
            head: if tied { OutputHead::Tied } else { OutputHead::Untied },
            score_scale: if folded { ScoreScale::Folded } else { ScoreScale::InverseSqrt },
            logit_scale: if scaled || (tied && !normal) { LogitScale::InverseSqrtWidth } else { LogitScale::One },
            initialisation: if normal { Initialisation::Normal { std: 0.02 } } else { Initialisation::Paper },
            attention_softcap, logit_softcap, z_loss,
            ..TRANSFORMER
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// For every combination of choices, `arch` counts exactly the model's parameters, no position
    /// sees the future, and all logits are finite.
    #[test]
    fn every_combination_is_a_model(architecture in any_architecture(), width in 2u32..5, heads in 1u32..4, t in 3i64..12) {
        let size = Shape { d_model: 4 * width, layers: 2, heads: 2 * heads, d_head: 4, d_ff: 16 * width };
        let config = ModelConfig::new(&architecture, &size, 11, t as u32).unwrap();
        let parameters = initial(&config, 5);
        prop_assert_eq!(parameters.count(), config.params().total());
        let mut names: Vec<&str> = parameters.slots().iter().map(|slot| slot.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), parameters.slots().len());

        let positions = PositionTerms::new(&config, Device::Cpu);
        let tokens = Tensor::arange(t, (Kind::Int64, Device::Cpu)).remainder(10).view([1, t]);
        let changed = tokens.copy();
        let _ = changed.narrow(1, t - 1, 1).fill_(10);
        let (before, after) = (logits(&config, &parameters, &tokens, &positions), logits(&config, &parameters, &changed, &positions));
        prop_assert!(before.narrow(1, 0, t - 1).equal(&after.narrow(1, 0, t - 1)));
        prop_assert!(before.isfinite().all().int64_value(&[]) == 1);
    }
}
