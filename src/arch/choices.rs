//! The choices that make an architecture, and the presets that name them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The feed-forward activation, between the two dense layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// max(x, 0)², Primer's (arXiv:2109.08668, section 4).
    SquaredRelu,
    /// x·Φ(x), exact (arXiv:1606.08415).
    Gelu,
}

/// What happens to each of Q, K and V after its projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum QkvConvolution {
    /// Nothing: the Transformer.
    None,
    /// A causal depthwise convolution along the sequence, Primer's multi-DConv-head attention:
    /// y\[t\] = Σ_k w_k ∘ x\[t-k\], one weight per tap and channel, separate for Q, K and V,
    /// w_0 = 0.5 and the others 0.5 / width at the start (arXiv:2109.08668, section 4).
    Depthwise {
        /// Number of taps; the paper's is 3.
        #[schemars(range(min = 2, max = 7))]
        width: u8,
    },
}

impl QkvConvolution {
    /// Number of taps; 0 where there is no convolution.
    pub fn width(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Depthwise { width } => u64::from(width),
        }
    }
}

/// An architecture: one value for each choice. Two arms with equal choices are the same architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The feed-forward activation.
    pub activation: Activation,
    /// The convolution after the Q, K, V projections.
    pub qkv_convolution: QkvConvolution,
}

/// Architectures with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The paper's baseline: pre-norm, LayerNorm, T5 relative positions, ReLU with biases, tied head.
    Transformer,
    /// `transformer` with squared ReLU and multi-DConv-head attention.
    PrimerEz,
}

impl Preset {
    /// Every preset, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Transformer, Self::PrimerEz];

    /// The name in sweep files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transformer => "transformer",
            Self::PrimerEz => "primer_ez",
        }
    }

    /// The preset of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Its choices.
    pub fn architecture(self) -> Architecture {
        match self {
            Self::Transformer => Architecture { activation: Activation::Relu, qkv_convolution: QkvConvolution::None },
            Self::PrimerEz => Architecture {
                activation: Activation::SquaredRelu,
                qkv_convolution: QkvConvolution::Depthwise { width: 3 },
            },
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
