//! Named architectures, each defined as another one with a few changes.

use super::choices::{
    Activation, Architecture, BiasPlacement, Convolution, ConvolutionInit, FeedForwardWidth,
    Initialisation, LogitScale, Norm, NormPlacement, OutputHead, Positions, QkvConvolution,
    QkvProjections, ScoreScale,
};

/// A named architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The name in sweep files and tables.
    pub name: &'static str,
    /// Description, one line.
    pub about: &'static str,
    /// Its choices.
    pub architecture: Architecture,
}

/// The paper's three taps after each projection.
pub const MDHA: QkvConvolution = QkvConvolution::Depthwise(PAPER_CONVOLUTION);

const PAPER_CONVOLUTION: Convolution = Convolution {
    width: 3,
    residual: false,
    init: ConvolutionInit::Paper,
};

/// The baseline of So et al. 2021 (arXiv:2109.08668).
pub const TRANSFORMER: Architecture = Architecture {
    norm: Norm::Layer,
    norm_eps: 1e-6,
    norm_placement: NormPlacement::Pre,
    positions: Positions::T5Relative,
    activation: Activation::Relu,
    gated: false,
    d_ff: FeedForwardWidth::Full,
    qkv_projections: QkvProjections::Separate,
    qkv_convolution: QkvConvolution::None,
    qk_norm: false,
    biases: BiasPlacement::FeedForward,
    head: OutputHead::Tied,
    d_head: None,
    score_scale: ScoreScale::Folded,
    attention_softcap: None,
    logit_scale: LogitScale::InverseSqrtWidth,
    logit_softcap: None,
    z_loss: 0.0,
    initialisation: Initialisation::Paper,
};

impl Default for Architecture {
    fn default() -> Self {
        TRANSFORMER
    }
}

/// Squared ReLU and multi-DConv-head attention: the two changes that matter most
/// (arXiv:2109.08668).
pub const PRIMER_EZ: Architecture = Architecture {
    activation: Activation::SquaredRelu,
    qkv_convolution: MDHA,
    ..TRANSFORMER
};

/// The architecture that the search found, as released (arXiv:2109.08668).
pub const PRIMER: Architecture = Architecture {
    qkv_projections: QkvProjections::SharedQk,
    norm: Norm::Primer,
    norm_placement: NormPlacement::PrePost,
    ..PRIMER_EZ
};

/// The paper's stronger baseline. Later papers use this name for a model with rotary positions.
pub const TRANSFORMER_PLUS_PLUS: Architecture = Architecture {
    norm: Norm::Rms,
    ..gated(TRANSFORMER, Activation::Swish)
};

/// A modern baseline: LLaMA's architecture (arXiv:2302.13971, section 2.2), initialised like GPT-2.
pub const LLAMA_STYLE: Architecture = Architecture {
    norm: Norm::Rms,
    norm_eps: 1e-5,
    positions: Positions::Rotary { base: 1e4 },
    biases: BiasPlacement::None,
    head: OutputHead::Untied,
    score_scale: ScoreScale::InverseSqrt,
    logit_scale: LogitScale::One,
    initialisation: Initialisation::Normal { std: 0.02 },
    ..gated(TRANSFORMER, Activation::Swish)
};

/// LLaMA's architecture with squared ReLU. Without a gate it takes the size's whole d_ff: as many
/// weights as with a gate at two thirds.
const LLAMA_SQUARED_RELU: Architecture = Architecture {
    activation: Activation::SquaredRelu,
    gated: false,
    d_ff: FeedForwardWidth::Full,
    ..LLAMA_STYLE
};

/// Every preset, in the order of the documentation.
pub const PRESETS: &[Preset] = &[
    preset(
        "transformer",
        "pre-norm, LayerNorm, T5 relative positions, ReLU, tied head: the paper's baseline",
        TRANSFORMER,
    ),
    preset(
        "transformer_plus_plus",
        "transformer with RMSNorm and SwiGLU: the paper's stronger baseline",
        TRANSFORMER_PLUS_PLUS,
    ),
    preset(
        "primer_ez",
        "transformer with squared ReLU and convolutions of width 3 after Q, K, V",
        PRIMER_EZ,
    ),
    preset(
        "primer",
        "primer_ez with one projection for Q and K, Primer's norm, and post-norm of the feed-forward",
        PRIMER,
    ),
    // The Transformer with one change.
    preset(
        "transformer_gelu",
        "transformer with GELU",
        Architecture {
            activation: Activation::Gelu,
            ..TRANSFORMER
        },
    ),
    preset(
        "transformer_swish",
        "transformer with Swish",
        Architecture {
            activation: Activation::Swish,
            ..TRANSFORMER
        },
    ),
    preset(
        "transformer_squared_relu",
        "transformer with squared ReLU; primer_ez without its convolutions",
        Architecture {
            activation: Activation::SquaredRelu,
            ..TRANSFORMER
        },
    ),
    preset(
        "transformer_reglu",
        "transformer with ReGLU at two thirds of d_ff",
        gated(TRANSFORMER, Activation::Relu),
    ),
    preset(
        "transformer_swiglu",
        "transformer with SwiGLU at two thirds of d_ff",
        gated(TRANSFORMER, Activation::Swish),
    ),
    preset(
        "transformer_mdha",
        "transformer with convolutions after Q, K, V; primer_ez without squared ReLU",
        Architecture {
            qkv_convolution: MDHA,
            ..TRANSFORMER
        },
    ),
    preset(
        "transformer_separable_conv",
        "transformer with convolutions before the projections of Q, K, V",
        Architecture {
            qkv_convolution: QkvConvolution::Separable(PAPER_CONVOLUTION),
            ..TRANSFORMER
        },
    ),
    // Primer's further changes to primer_ez, one at a time.
    preset(
        "primer_ez_shared_qk",
        "primer_ez with one projection for Q and K",
        Architecture {
            qkv_projections: QkvProjections::SharedQk,
            ..PRIMER_EZ
        },
    ),
    preset(
        "primer_ez_pre_post_norm",
        "primer_ez with post-norm of the feed-forward",
        Architecture {
            norm_placement: NormPlacement::PrePost,
            ..PRIMER_EZ
        },
    ),
    // Primer's changes to a modern baseline.
    preset(
        "llama_style",
        "RMSNorm, rotary positions, SwiGLU, no biases, untied head",
        LLAMA_STYLE,
    ),
    preset(
        "llama_style_squared_relu",
        "llama_style with squared ReLU and no gate, at the whole d_ff",
        LLAMA_SQUARED_RELU,
    ),
    preset(
        "llama_style_mdha",
        "llama_style with convolutions after Q, K, V, before the rotation",
        Architecture {
            qkv_convolution: MDHA,
            ..LLAMA_STYLE
        },
    ),
    preset(
        "llama_style_primer_ez",
        "llama_style with squared ReLU and convolutions after Q, K, V",
        Architecture {
            qkv_convolution: MDHA,
            ..LLAMA_SQUARED_RELU
        },
    ),
    preset(
        "llama_style_shared_qk",
        "llama_style with one projection for Q and K",
        Architecture {
            qkv_projections: QkvProjections::SharedQk,
            ..LLAMA_STYLE
        },
    ),
    preset(
        "llama_style_pre_post_norm",
        "llama_style with post-norm of the feed-forward",
        Architecture {
            norm_placement: NormPlacement::PrePost,
            ..LLAMA_STYLE
        },
    ),
    preset(
        "llama_style_primer_norm",
        "llama_style with Primer's norm, which is LayerNorm, without its bias",
        Architecture {
            norm: Norm::Primer,
            ..LLAMA_STYLE
        },
    ),
];

/// Aliases of presets: primer_ez without one of its two changes.
const ALIASES: &[(&str, &str)] = &[
    ("primer_ez_without_squared_relu", "transformer_mdha"),
    ("primer_ez_without_mdha", "transformer_squared_relu"),
];

impl Preset {
    /// Finds a preset by its name or an alias.
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = ALIASES
            .iter()
            .find(|(alias, _)| *alias == name)
            .map_or(name, |(_, name)| *name);
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Names that [`Preset::named`] finds, aliases included.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PRESETS
            .iter()
            .map(|preset| preset.name)
            .chain(ALIASES.iter().map(|(alias, _)| *alias))
    }

    /// Aliases of the preset.
    pub fn aliases(&self) -> impl Iterator<Item = &'static str> {
        let name = self.name;
        ALIASES
            .iter()
            .filter(move |(_, of)| *of == name)
            .map(|(alias, _)| *alias)
    }
}

const fn preset(name: &'static str, about: &'static str, architecture: Architecture) -> Preset {
    Preset {
        name,
        about,
        architecture,
    }
}

/// The architecture with a gated feed-forward layer at two thirds of d_ff.
const fn gated(architecture: Architecture, activation: Activation) -> Architecture {
    Architecture {
        activation,
        gated: true,
        d_ff: FeedForwardWidth::TwoThirds,
        ..architecture
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_architectures_are_distinct() {
        let mut names: Vec<&str> = Preset::names().collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PRESETS.len() + ALIASES.len());
        for (i, preset) in PRESETS.iter().enumerate() {
            assert_eq!(Preset::named(preset.name), Some(preset));
            for earlier in &PRESETS[..i] {
                assert_ne!(
                    earlier.architecture, preset.architecture,
                    "{} and {}",
                    earlier.name, preset.name
                );
            }
        }
        assert!(
            ALIASES
                .iter()
                .all(|(alias, _)| Preset::named(alias).is_some())
        );
    }

    /// The paper's statement: primer_ez without one of its changes is the Transformer with the
    /// other.
    #[test]
    fn primer_ez_has_two_changes() {
        let without_mdha = Architecture {
            qkv_convolution: QkvConvolution::None,
            ..PRIMER_EZ
        };
        assert_eq!(
            Preset::named("primer_ez_without_mdha")
                .unwrap()
                .architecture,
            without_mdha
        );
        let without_squared_relu = Architecture {
            activation: Activation::Relu,
            ..PRIMER_EZ
        };
        assert_eq!(
            Preset::named("primer_ez_without_squared_relu")
                .unwrap()
                .architecture,
            without_squared_relu
        );
        assert_eq!(
            Architecture {
                activation: Activation::Relu,
                ..without_mdha
            },
            TRANSFORMER
        );
    }

    #[test]
    fn every_preset_is_free_of_contradictions() {
        for preset in PRESETS {
            assert_eq!(preset.architecture.check(), Ok(()), "{}", preset.name);
        }
    }
}
