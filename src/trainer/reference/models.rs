//! Small models for the comparison with the reference: every preset, and mixtures that contain
//! every choice.

use isoflop_core::arch::{
    Activation, Architecture, BiasPlacement, Convolution, ConvolutionInit, FeedForwardWidth,
    LLAMA_STYLE, LogitScale, ModelConfig, Norm, OutputHead, PRESETS, PRIMER, Positions,
    QkvConvolution, QkvProjections, ScoreScale, Shape, TRANSFORMER,
};

/// Shape in which heads·d_head differs from d_model, so that a confusion of the two is detected.
pub(crate) const TINY: Shape = Shape {
    d_model: 12,
    layers: 2,
    heads: 4,
    d_head: 4,
    d_ff: 24,
};
const VOCABULARY: u32 = 24;

const fn wide(width: u32, residual: bool) -> Convolution {
    Convolution {
        width,
        residual,
        init: ConvolutionInit::Paper,
    }
}

/// Mixtures of tests/reference/model.py.
static VARIANTS: [(&str, Architecture); 4] = [
    (
        "variant_grouped",
        Architecture {
            head: OutputHead::Tied,
            qk_norm: true,
            qkv_projections: QkvProjections::GroupedQuery { group: 2 },
            qkv_convolution: QkvConvolution::Depthwise(wide(4, true)),
            ..LLAMA_STYLE
        },
    ),
    (
        "variant_biased",
        Architecture {
            positions: Positions::Learned,
            biases: BiasPlacement::All,
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
            positions: Positions::None,
            norm: Norm::Rms,
            qkv_convolution: QkvConvolution::Separable(wide(5, true)),
            score_scale: ScoreScale::InverseSqrt,
            head: OutputHead::Untied,
            logit_scale: LogitScale::One,
            qkv_projections: QkvProjections::SharedQk,
            ..TRANSFORMER
        },
    ),
    (
        "variant_primer_rotary",
        Architecture {
            positions: Positions::Rotary { base: 1e4 },
            biases: BiasPlacement::All,
            qk_norm: true,
            score_scale: ScoreScale::InverseSqrt,
            qkv_convolution: QkvConvolution::Depthwise(wide(7, false)),
            ..PRIMER
        },
    ),
];

/// Returns the presets and mixtures by name.
pub(crate) fn architectures() -> impl Iterator<Item = (&'static str, &'static Architecture)> {
    PRESETS
        .iter()
        .map(|preset| (preset.name, &preset.architecture))
        .chain(VARIANTS.iter().map(|(name, mixture)| (*name, mixture)))
}

/// Builds the model of a fixture.
///
/// # Panics
/// Never, because a test builds each of them.
pub(crate) fn tiny(architecture: &Architecture, sequence_length: i64) -> ModelConfig {
    ModelConfig::new(architecture, &TINY, VOCABULARY, sequence_length as u32)
        .expect("the shape fits every architecture")
}
