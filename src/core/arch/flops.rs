//! Exact FLOPs of one token, by operation, from an architecture and its shape.
//!
//! A multiply-add counts as two. Matrix products and convolutions are counted; norms, activations,
//! softmax, rotations, biases and the look-up of embeddings are not. The backward pass of each
//! counted operation is twice its forward pass: one product for the gradient of its input, one for
//! that of its weights (or of its second input). tests/reference/README.md compares these counts
//! with PyTorch's counter.

use std::ops::Add;

use super::ModelConfig;
use crate::units::FlopsPerToken;

/// Counting of attention's two products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CausalCounting {
    /// Over all pairs of positions, as kernels compute them (arXiv:2203.15556, appendix F). Budgets
    /// use this count.
    Full,
    /// Over the pairs that the mask leaves: (T + 1) / 2 of T for each token.
    Half,
}

/// FLOPs of one token, under both ways of counting attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenFlops {
    /// Forward pass, attention in full.
    pub forward: u64,
    /// Forward pass, attention in half.
    pub forward_causal_half: u64,
}

impl TokenFlops {
    /// The forward pass.
    pub fn forward(self, causal: CausalCounting) -> FlopsPerToken {
        FlopsPerToken(match causal {
            CausalCounting::Full => self.forward,
            CausalCounting::Half => self.forward_causal_half,
        })
    }

    /// The backward pass: twice the forward pass.
    pub fn backward(self, causal: CausalCounting) -> FlopsPerToken {
        FlopsPerToken(2 * self.forward(causal).0)
    }

    /// Training: forward and backward pass.
    pub fn training(self, causal: CausalCounting) -> FlopsPerToken {
        FlopsPerToken(3 * self.forward(causal).0)
    }
}

impl Add for TokenFlops {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            forward: self.forward + other.forward,
            forward_causal_half: self.forward_causal_half + other.forward_causal_half,
        }
    }
}

/// Counted operations, in the order of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Projections to Q, K and V (Primer's W' among them).
    QkvProjections,
    /// Depthwise convolutions of Q, K and V.
    QkvConvolution,
    /// Q·Kᵀ.
    AttentionScores,
    /// The weights' product with V.
    AttentionValues,
    /// Output projection of attention.
    AttentionOutput,
    /// First dense layer of the feed-forward.
    FeedForwardIn,
    /// The gate's dense layer.
    FeedForwardGate,
    /// Last dense layer of the feed-forward.
    FeedForwardOut,
    /// Output head.
    Head,
}

impl Operation {
    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::QkvProjections => "qkv_projections",
            Self::QkvConvolution => "qkv_convolution",
            Self::AttentionScores => "attention_scores",
            Self::AttentionValues => "attention_values",
            Self::AttentionOutput => "attention_output",
            Self::FeedForwardIn => "feed_forward_in",
            Self::FeedForwardGate => "feed_forward_gate",
            Self::FeedForwardOut => "feed_forward_out",
            Self::Head => "head",
        }
    }
}

impl ModelConfig {
    /// FLOPs of one token by operation, summed over layers. Operations that the model does not have
    /// are left out.
    pub fn flops_by_operation(&self) -> Vec<(Operation, TokenFlops)> {
        let shape = &self.shape;
        let [d, layers, d_attention, d_ff] =
            [shape.d_model, shape.layers, shape.d_attention(), shape.d_ff].map(u64::from);
        let dense = |inputs: u64, outputs: u64| 2 * inputs * outputs;
        let everywhere = |flops: u64| TokenFlops {
            forward: flops,
            forward_causal_half: flops,
        };
        let each_layer = |flops: u64| everywhere(layers * flops);
        // Each of T keys takes a product over d_attention channels. The mask leaves the t-th query
        // t keys.
        let t = u64::from(self.sequence_length);
        let attended = TokenFlops {
            forward: layers * 2 * t * d_attention,
            forward_causal_half: layers * (t + 1) * d_attention,
        };
        let gate = u64::from(self.architecture.gated) * dense(d, d_ff);
        let head = dense(d, u64::from(self.vocabulary));
        let (projections, output) = (self.projection_flops(), dense(d_attention, d));
        let all = [
            (Operation::QkvProjections, each_layer(projections)),
            // A multiply-add for each tap of each channel. The addition of a residual is not
            // counted.
            (Operation::QkvConvolution, each_layer(2 * self.taps())),
            (Operation::AttentionScores, attended),
            (Operation::AttentionValues, attended),
            (Operation::AttentionOutput, each_layer(output)),
            (Operation::FeedForwardIn, each_layer(dense(d, d_ff))),
            (Operation::FeedForwardGate, each_layer(gate)),
            (Operation::FeedForwardOut, each_layer(dense(d_ff, d))),
            (Operation::Head, everywhere(head)),
        ];
        all.into_iter()
            .filter(|(_, counted)| counted.forward > 0)
            .collect()
    }

    /// FLOPs of one token.
    pub fn flops(&self) -> TokenFlops {
        self.flops_by_operation()
            .into_iter()
            .map(|(_, counted)| counted)
            .fold(TokenFlops::default(), Add::add)
    }

    /// Training FLOPs of one token, attention in full, as budgets and tables count them.
    pub fn flops_per_token(&self) -> FlopsPerToken {
        self.flops().training(CausalCounting::Full)
    }

    fn projection_flops(&self) -> u64 {
        let projected: u64 = self.projection_widths().into_iter().map(u64::from).sum();
        2 * (projected * u64::from(self.shape.d_model) + self.query_from_key_weights())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{
        Architecture, FeedForwardWidth, LLAMA_STYLE, PRIMER, PRIMER_EZ, QkvProjections, Shape,
        TRANSFORMER, TRANSFORMER_PLUS_PLUS,
    };
    use super::*;

    fn config(architecture: &Architecture, size: &str) -> ModelConfig {
        ModelConfig::new(architecture, &size.parse().unwrap(), 32_128, 512).unwrap()
    }

    fn of(config: &ModelConfig, operation: Operation) -> u64 {
        config
            .flops_by_operation()
            .iter()
            .find(|(o, _)| *o == operation)
            .map_or(0, |(_, counted)| counted.forward)
    }

    /// 18·heads·d_head forward FLOPs a layer (arXiv:2109.08668: three taps of Q, K and V).
    #[test]
    fn primer_ez_costs_its_taps_and_nothing_else() {
        let (plain, primer_ez) = (config(&TRANSFORMER, "small"), config(&PRIMER_EZ, "small"));
        assert_eq!(
            primer_ez.flops().forward - plain.flops().forward,
            18 * 512 * 6
        );
        assert_eq!(of(&primer_ez, Operation::QkvConvolution), 18 * 512 * 6);
    }

    /// Q from K costs as much as a projection of its input if heads·d_head = d_model. There are two
    /// convolutions instead of three.
    #[test]
    fn primer_shares_what_q_and_k_project() {
        let (primer_ez, primer) = (config(&PRIMER_EZ, "medium"), config(&PRIMER, "medium"));
        assert_eq!(
            of(&primer, Operation::QkvProjections),
            of(&primer_ez, Operation::QkvProjections)
        );
        assert_eq!(
            3 * of(&primer, Operation::QkvConvolution),
            2 * of(&primer_ez, Operation::QkvConvolution)
        );
    }

    /// A gated layer at two thirds of d_ff costs as much as the ungated layer, up to the rounding
    /// of the width.
    #[test]
    fn a_gate_at_two_thirds_costs_nothing() {
        let [plain, gated] =
            [&TRANSFORMER, &TRANSFORMER_PLUS_PLUS].map(|a| config(a, "medium").flops().forward);
        assert_eq!(plain, gated);
        let full = Architecture {
            d_ff: FeedForwardWidth::Full,
            ..TRANSFORMER_PLUS_PLUS
        };
        assert_eq!(
            of(&config(&full, "medium"), Operation::FeedForwardGate),
            12 * 2 * 768 * 3072
        );
    }

    /// Fewer heads of K and V reduce the projections and leave the attention products unchanged.
    #[test]
    fn grouped_queries_save_projections_only() {
        let grouped = Architecture {
            qkv_projections: QkvProjections::GroupedQuery { group: 4 },
            ..LLAMA_STYLE
        };
        let (all, fewer) = (config(&LLAMA_STYLE, "medium"), config(&grouped, "medium"));
        assert_eq!(
            2 * of(&fewer, Operation::QkvProjections),
            of(&all, Operation::QkvProjections)
        );
        assert_eq!(
            of(&fewer, Operation::AttentionScores),
            of(&all, Operation::AttentionScores)
        );
    }

    proptest! {
        /// At d_ff = 4·d_model the forward count is the textbook 24·L·d² + 4·L·T·d + 2·V·d.
        #[test]
        fn transformer_flops_match_the_closed_form(d in 1u32..64, layers in 1u32..8, vocabulary in 2u32..1000, t in 1u32..512) {
            let shape = Shape::new(d * 16, layers, None, Some(16), None).unwrap();
            let config = ModelConfig::new(&TRANSFORMER, &shape, vocabulary, t).unwrap();
            let [d, l, v, t] = [d * 16, layers, vocabulary, t].map(u64::from);
            prop_assert_eq!(config.flops_per_token().0, 3 * (24 * l * d * d + 4 * l * t * d + 2 * v * d));
        }

        /// Counts the pairs one by one: the mask leaves key s to query t if s <= t.
        #[test]
        fn the_causal_half_is_the_pairs_that_are_left(t in 1u64..200) {
            let config = ModelConfig::new(&TRANSFORMER, &"d64-l3".parse().unwrap(), 256, t as u32).unwrap();
            let pairs: u64 = (0..t).map(|query| query + 1).sum();
            let both = 2 * 2 * 64 * 3;
            let full = config.flops();
            prop_assert_eq!((full.forward - full.forward_causal_half) * t, both * (t * t - pairs));
        }
    }
}
