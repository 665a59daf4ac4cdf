//! Exact counts from shapes alone. The trainer compares its own variables with
//! [`params`] and refuses to start where they differ.
//!
//! FLOPs count a multiply-add as two. Matrix products, attention scores and values,
//! the output head and the depthwise convolutions are counted; norms, activations,
//! softmax and the embedding look-up are not. The backward pass is twice the forward.

use serde::{Deserialize, Serialize};

use super::{Architecture, Shape};
use crate::units::{FlopsPerToken, ParamCount};

/// Buckets of T5's relative position bias (arXiv:1910.10683, section 2.1).
pub const RELATIVE_BUCKETS: u32 = 32;

/// Parameters by what they belong to. Units: scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamsByGroup {
    /// Token embedding, which is also the output head.
    pub embedding: u64,
    /// Relative position bias, one table for all layers.
    pub positions: u64,
    /// Q, K, V and output projections.
    pub attention: u64,
    /// Taps of the convolutions after Q, K, V.
    pub convolution: u64,
    /// Feed-forward weights and biases.
    pub feed_forward: u64,
    /// Norm scales and biases, the final one included.
    pub norms: u64,
}

impl ParamsByGroup {
    /// `params_total`: all of them, the tied embedding once (the paper's count).
    pub fn total(&self) -> ParamCount {
        ParamCount(self.embedding + self.without_embedding().0)
    }

    /// `params_without_embedding`: all but the token embedding.
    pub fn without_embedding(&self) -> ParamCount {
        ParamCount(self.positions + self.attention + self.convolution + self.feed_forward + self.norms)
    }
}

/// Counts the parameters of an architecture at a shape.
pub fn params(arch: &Architecture, shape: &Shape, vocabulary: u32) -> ParamsByGroup {
    let [d, layers, d_attention, d_ff] = [shape.d_model, shape.layers, shape.d_attention(), shape.d_ff].map(u64::from);
    ParamsByGroup {
        embedding: u64::from(vocabulary) * d,
        positions: u64::from(RELATIVE_BUCKETS * shape.heads),
        attention: layers * 4 * d * d_attention,
        convolution: layers * arch.qkv_convolution.width() * 3 * d_attention,
        feed_forward: layers * (2 * d * d_ff + d_ff + d),
        norms: layers * 4 * d + 2 * d,
    }
}

/// Forward FLOPs for one token by operation. Units: FLOPs per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlopsByOperation {
    /// Q, K, V and output projections.
    pub attention_projections: u64,
    /// Scores Q·Kᵀ and their product with V, over the full sequence (the causal half counted as computed).
    pub attention_scores: u64,
    /// Depthwise convolutions after Q, K, V.
    pub convolution: u64,
    /// The two dense layers.
    pub feed_forward: u64,
    /// The output head.
    pub head: u64,
}

impl FlopsByOperation {
    /// The forward pass.
    pub fn forward(&self) -> FlopsPerToken {
        FlopsPerToken(
            self.attention_projections + self.attention_scores + self.convolution + self.feed_forward + self.head,
        )
    }

    /// Training: forward plus backward, the latter twice the former.
    pub fn training(&self) -> FlopsPerToken {
        FlopsPerToken(3 * self.forward().0)
    }
}

/// Counts the FLOPs of one token in a sequence of `sequence_length`.
pub fn flops_per_token(arch: &Architecture, shape: &Shape, vocabulary: u32, sequence_length: u32) -> FlopsByOperation {
    let [d, layers, d_attention, d_ff] = [shape.d_model, shape.layers, shape.d_attention(), shape.d_ff].map(u64::from);
    FlopsByOperation {
        attention_projections: layers * 2 * 4 * d * d_attention,
        attention_scores: layers * 2 * 2 * u64::from(sequence_length) * d_attention,
        convolution: layers * 2 * arch.qkv_convolution.width() * 3 * d_attention,
        feed_forward: layers * 2 * 2 * d * d_ff,
        head: 2 * u64::from(vocabulary) * d,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Preset, rung};
    use super::*;

    /// The paper's sizes at its vocabulary. Its rounded counts, 35.3M, 109.6M and 536.2M, are of
    /// the matrices; norms, biases and positions add a thousandth. The exact totals are those of the
    /// PyTorch reference in tests/reference.
    #[test]
    fn parameter_counts_are_the_papers() {
        let (plain, primer) = (Preset::Transformer.architecture(), Preset::PrimerEz.architecture());
        for (name, matrices, total, total_primer) in [
            ("small", 35.3, 35_352_832, 35_380_480),
            ("medium", 109.6, 109_693_824, 109_776_768),
            ("large", 536.2, 536_537_600, 536_758_784),
        ] {
            let shape = rung(name).unwrap();
            let counts = params(&plain, &shape, 32_128);
            let biases = u64::from(shape.layers * (shape.d_ff + shape.d_model));
            let millions = (counts.embedding + counts.attention + counts.feed_forward - biases) as f64 / 1e6;
            assert_eq!((millions * 10.0).round() / 10.0, matrices, "{name}");
            assert_eq!(counts.total().0, total, "{name}");
            assert_eq!(params(&primer, &shape, 32_128).total().0, total_primer, "{name}");
        }
    }

    /// Primer-EZ adds 9·heads·d_head parameters and 18·heads·d_head forward FLOPs a layer, nothing else.
    #[test]
    fn primer_ez_costs_its_taps_and_nothing_else() {
        let shape = rung("small").unwrap();
        let (plain, primer) = (Preset::Transformer.architecture(), Preset::PrimerEz.architecture());
        let extra = params(&primer, &shape, 256).total().0 - params(&plain, &shape, 256).total().0;
        assert_eq!(extra, 9 * 512 * 6);
        let flops = |a| flops_per_token(a, &shape, 256, 64).forward().0;
        assert_eq!(flops(&primer) - flops(&plain), 18 * 512 * 6);
    }

    proptest! {
        /// At d_ff = 4·d_model the count is the textbook 24·L·d² + 4·L·T·d + 2·V·d.
        #[test]
        fn transformer_flops_match_the_closed_form(d in 1u32..64, layers in 1u32..8, vocabulary in 2u32..1000, t in 1u32..512) {
            let shape = Shape::new(d * 16, layers, None, Some(16), None).unwrap();
            let flops = flops_per_token(&Preset::Transformer.architecture(), &shape, vocabulary, t);
            let [d, l, v, t] = [d * 16, layers, vocabulary, t].map(u64::from);
            prop_assert_eq!(flops.training().0, 3 * (24 * l * d * d + 4 * l * t * d + 2 * v * d));
        }
    }
}
