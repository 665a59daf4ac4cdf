//! Choices of an architecture. They are independent: an arm with a single change differs from a
//! preset in one field.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::number;

/// An architecture: one value for each choice. Two arms with equal choices are the same
/// architecture.
///
/// A choice that is left out is the Transformer's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Architecture {
    /// Normalisation of the residual stream.
    pub norm: Norm,
    /// ε, added to the variance or to the mean square.
    pub norm_eps: f64,
    /// Position of the norms in a block.
    pub norm_placement: NormPlacement,
    /// Encoding of positions.
    pub positions: Positions,
    /// Feed-forward activation.
    pub activation: Activation,
    /// True if the activation gates a second dense layer: act(x·W_g) ∘ (x·W_in) (arXiv:2002.05202,
    /// equation 6).
    pub gated: bool,
    /// Width of the feed-forward layer, relative to the size's.
    pub d_ff: FeedForwardWidth,
    /// Projections to Q, K and V.
    pub qkv_projections: QkvProjections,
    /// Convolutions of Q, K and V.
    pub qkv_convolution: QkvConvolution,
    /// RMSNorm of each head's query and key, with a learned scale, after arXiv:2010.04245 and
    /// arXiv:2302.05442, which use other norms.
    pub qk_norm: bool,
    /// Placement of biases.
    pub biases: BiasPlacement,
    /// Output head: the embedding, or a separate matrix.
    pub head: OutputHead,
    /// Channels of a head, if the architecture sets them instead of the size.
    pub d_head: Option<u32>,
    /// Location of the attention scores' factor d_head^-0.5.
    pub score_scale: ScoreScale,
    /// Soft cap of the attention scores: cap·tanh(scores / cap), before the mask (arXiv:2408.00118,
    /// section 2).
    pub attention_softcap: Option<f64>,
    /// Factor on the last hidden state, before the head.
    pub logit_scale: LogitScale,
    /// Soft cap of the logits: cap·tanh(logits / cap) (arXiv:2408.00118, section 2).
    pub logit_softcap: Option<f64>,
    /// Weight of the mean of log²(Σ exp(logits)) in the training loss, never in validation
    /// (arXiv:2204.02311, section 5).
    pub z_loss: f64,
    /// Initial weights.
    pub initialisation: Initialisation,
}

/// Normalisation of the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// LayerNorm: (x - μ) / sqrt(var + eps) · γ + β (arXiv:1607.06450, equation 4).
    Layer,
    /// RMSNorm: x / sqrt(mean\[x²\] + eps) · γ (arXiv:1910.07467, equation 4).
    Rms,
    /// Primer's: (x - μ) / sqrt(mean\[x(x - μ)\] + eps) · γ + β (arXiv:2109.08668, `primer_norm` of
    /// the released code). In real arithmetic mean\[x(x - μ)\] is the variance, so it is computed
    /// as LayerNorm, which cannot take the root of a negative number.
    Primer,
}

/// Position of the norms in a block. A final norm always precedes the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormPlacement {
    /// x + Attention(N(x)), then x + FFN(N(x)).
    Pre,
    /// x + Attention(N(x)), then x + N(FFN(x)): Primer's pre and post norm (arXiv:2109.08668,
    /// `PrePostNormLayerStack` of the released code).
    PrePost,
}

/// Encoding of positions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Positions {
    /// T5's bias for each head and bucket of distances, one table for all layers (arXiv:1910.10683,
    /// section 2.1).
    T5Relative,
    /// Rotation of Q and K by angles t·base^(-2j/d_head), after the convolution (arXiv:2104.09864,
    /// equation 15).
    Rotary {
        /// Base of the wavelengths; 10,000 if absent.
        #[serde(default = "rotary_base", deserialize_with = "number")]
        base: f64,
    },
    /// A learned vector for each position, added to the embedding (arXiv:1706.03762, section 3.5).
    /// It adds sequence_length·d_model parameters.
    Learned,
    /// Causal mask only, without an encoding (arXiv:2305.19466).
    None,
}

fn rotary_base() -> f64 {
    1e4
}

/// The feed-forward activation, between the two dense layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// max(x, 0)² (arXiv:2109.08668, "Squared ReLU").
    SquaredRelu,
    /// x·Φ(x), exact (arXiv:1606.08415; the released code has the approximation by tanh).
    Gelu,
    /// x·σ(x) (arXiv:1710.05941).
    Swish,
}

/// Width of the feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FeedForwardWidth {
    /// The size's d_ff.
    Full,
    /// Two thirds of the size's d_ff: a gated layer then has as many weights as one without a gate
    /// (arXiv:2002.05202, end of section 2).
    TwoThirds,
    /// A multiple of d_model, for sizes that do not set `d_ff`.
    Ratio(#[serde(deserialize_with = "number")] f64),
}

/// Projections to Q, K and V.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum QkvProjections {
    /// A matrix for each of Q, K, V (arXiv:1706.03762, section 3.2.2).
    Separate,
    /// Primer's: z = convolution(x·W_z), K = z, Q = z·W'; V has its own matrix (arXiv:2109.08668,
    /// `share_qk_rep` of the released code).
    SharedQk,
    /// `group` query heads share one head of K and V (arXiv:2305.13245).
    GroupedQuery {
        /// Query heads for each key and value head.
        #[schemars(range(min = 2, max = 256))]
        group: u32,
    },
}

/// Convolutions of Q, K and V.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum QkvConvolution {
    /// Projections without a convolution, as in the Transformer.
    None,
    /// A causal depthwise convolution along the sequence after each projection, Primer's
    /// multi-DConv-head attention: y\[t\] = Σ_k w_k ∘ x\[t-k\], one weight per tap and channel,
    /// separate for Q, K and V (arXiv:2109.08668, "Multi-DConv-Head Attention").
    Depthwise(Convolution),
    /// A separable convolution in the usual order: depthwise on the input of each projection, which
    /// is then the pointwise part. The paper found it less effective (same section).
    Separable(Convolution),
}

impl QkvConvolution {
    /// The convolution, before or after the projections.
    pub fn convolution(self) -> Option<Convolution> {
        match self {
            Self::None => None,
            Self::Depthwise(convolution) | Self::Separable(convolution) => Some(convolution),
        }
    }
}

/// A causal depthwise convolution along the sequence, zeros before its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Convolution {
    /// Number of taps; 3, as in the paper, if absent.
    #[serde(default = "paper_width")]
    #[schemars(range(min = 2, max = 7))]
    pub width: u32,
    /// True if the input is added to the output: y = x + convolution(x). False if absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub residual: bool,
    /// Initial taps; as in the paper if absent.
    #[serde(default, skip_serializing_if = "ConvolutionInit::is_paper")]
    pub init: ConvolutionInit,
}

fn paper_width() -> u32 {
    3
}

/// Initial taps of a convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConvolutionInit {
    /// Constant: w_0 = 0.5, the others 0.5 / width (the released code of arXiv:2109.08668).
    #[default]
    Paper,
    /// w_0 = 1, the others 0. Without a residual, the convolution starts as the identity.
    Identity,
    /// All 0. With a residual, the convolution starts as the identity.
    Zero,
    /// Uniform on ±width^-0.5, the default of deep-learning libraries.
    Uniform,
}

impl ConvolutionInit {
    fn is_paper(&self) -> bool {
        *self == Self::Paper
    }
}

/// Placement of biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BiasPlacement {
    /// A model without biases, also in its norms.
    None,
    /// In the dense layers of the feed-forward, and in norms that have a bias, as in the paper.
    FeedForward,
    /// In the feed-forward, in norms that have a bias, and in the projections of attention.
    All,
}

/// Output head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputHead {
    /// The embedding, transposed (arXiv:1608.05859).
    Tied,
    /// A separate matrix.
    Untied,
}

/// Location of the attention scores' factor d_head^-0.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoreScale {
    /// In the initial W_q only, as in T5 (arXiv:1910.10683) and in the paper.
    Folded,
    /// At run time: Q·Kᵀ is multiplied by it (arXiv:1706.03762, equation 1).
    InverseSqrt,
}

/// Factor on the last hidden state, before the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogitScale {
    /// d_model^-0.5, as in T5 with a tied head (arXiv:1910.10683).
    InverseSqrtWidth,
    /// A factor of 1.
    One,
}

/// Initial weights. Norm scales start at 1, biases at 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Initialisation {
    /// The paper's: by fan-in, with an embedding of unit variance.
    Paper,
    /// Normal with one standard deviation for all matrices, divided by sqrt(2·layers) for those
    /// that write to the residual stream (GPT-2's, Radford et al. 2019, section 2.3).
    Normal {
        /// Standard deviation; 0.02 if absent.
        #[serde(default = "gpt2_std", deserialize_with = "number")]
        std: f64,
    },
}

fn gpt2_std() -> f64 {
    0.02
}
