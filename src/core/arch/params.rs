//! Exact parameter counts from an architecture and its shape. The trainer compares its own
//! variables with this count and refuses to start if they differ.

use serde::{Deserialize, Serialize};

use super::{Architecture, BiasPlacement, ModelConfig, Norm, OutputHead, Positions};
use crate::units::ParamCount;

/// Buckets of T5's relative position bias (arXiv:1910.10683, section 2.1).
pub const RELATIVE_BUCKETS: u32 = 32;

/// Parameters by group. Units: scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamsByGroup {
    /// Token embedding; also the output head if that is tied.
    pub embedding: u64,
    /// Output head, if it is a separate matrix; else 0.
    pub head: u64,
    /// Learned vectors of positions.
    pub position_embedding: u64,
    /// Relative position bias, one table for all layers.
    pub relative_bias: u64,
    /// Projections of attention and their biases.
    pub attention: u64,
    /// Taps of the convolutions of Q, K, V.
    pub convolution: u64,
    /// Feed-forward weights and biases.
    pub feed_forward: u64,
    /// Norm scales and biases, including QK-norms and the final norm.
    pub norms: u64,
}

impl ParamsByGroup {
    /// `params_total`: all parameters, a tied embedding once (the paper's count).
    pub fn total(&self) -> ParamCount {
        ParamCount(
            self.embedding + self.head + self.position_embedding + self.without_embedding().0,
        )
    }

    /// `params_without_embedding`: the total without token embedding, untied head and learned
    /// positions (the N of arXiv:2001.08361, section 1.3).
    pub fn without_embedding(&self) -> ParamCount {
        ParamCount(
            self.relative_bias + self.attention + self.convolution + self.feed_forward + self.norms,
        )
    }

    /// The groups by name, in the order of the forward pass.
    pub fn groups(&self) -> [(&'static str, u64); 8] {
        [
            ("embedding", self.embedding),
            ("position_embedding", self.position_embedding),
            ("relative_bias", self.relative_bias),
            ("attention", self.attention),
            ("convolution", self.convolution),
            ("feed_forward", self.feed_forward),
            ("norms", self.norms),
            ("head", self.head),
        ]
    }
}

impl ModelConfig {
    /// The parameters by group.
    pub fn params(&self) -> ParamsByGroup {
        let Architecture {
            head, positions, ..
        } = &self.architecture;
        let [d, layers, heads] =
            [self.shape.d_model, self.shape.layers, self.shape.heads].map(u64::from);
        let [vocabulary, length, buckets] =
            [self.vocabulary, self.sequence_length, RELATIVE_BUCKETS].map(u64::from);
        ParamsByGroup {
            embedding: vocabulary * d,
            head: u64::from(*head == OutputHead::Untied) * vocabulary * d,
            position_embedding: u64::from(*positions == Positions::Learned) * length * d,
            relative_bias: u64::from(*positions == Positions::T5Relative) * heads * buckets,
            attention: layers * self.attention_params(),
            convolution: layers * self.taps(),
            feed_forward: layers * self.feed_forward_params(),
            norms: layers * (2 * self.norm_params() + self.qk_norm_params()) + self.norm_params(),
        }
    }

    fn attention_params(&self) -> u64 {
        let [d, d_attention] = [self.shape.d_model, self.shape.d_attention()].map(u64::from);
        let projected: u64 = self.projection_widths().into_iter().map(u64::from).sum();
        let biases = u64::from(self.architecture.biases == BiasPlacement::All) * (projected + d);
        projected * d + self.query_from_key_weights() + d_attention * d + biases
    }

    fn feed_forward_params(&self) -> u64 {
        let [d, d_ff] = [self.shape.d_model, self.shape.d_ff].map(u64::from);
        let into = 1 + u64::from(self.architecture.gated);
        let biases = u64::from(self.architecture.biases != BiasPlacement::None) * (into * d_ff + d);
        (into + 1) * d * d_ff + biases
    }

    fn norm_params(&self) -> u64 {
        let has_bias =
            self.architecture.norm != Norm::Rms && self.architecture.biases != BiasPlacement::None;
        u64::from(self.shape.d_model) * (1 + u64::from(has_bias))
    }

    fn qk_norm_params(&self) -> u64 {
        u64::from(self.architecture.qk_norm) * 2 * u64::from(self.shape.d_head)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Architecture, PRIMER_EZ, TRANSFORMER};
    use super::*;

    fn params(architecture: &Architecture, size: &str, vocabulary: u32) -> ParamsByGroup {
        let size = size.parse().unwrap();
        ModelConfig::new(architecture, &size, vocabulary, 512)
            .unwrap()
            .params()
    }

    /// Parameters of the matrices, in millions to one decimal, as the paper rounds them.
    fn matrices(size: &str, vocabulary: u32) -> f64 {
        let architecture = Architecture {
            biases: BiasPlacement::None,
            ..TRANSFORMER
        };
        let counts = params(&architecture, size, vocabulary);
        ((counts.embedding + counts.attention + counts.feed_forward) as f64 / 1e5).round() / 10.0
    }

    /// The paper's sizes at its vocabulary. Its rounded counts, 35.3M, 109.6M and 536.2M, are those
    /// of the matrices; norms, biases and positions add a thousandth.
    #[test]
    fn parameter_counts_are_the_papers() {
        for (name, millions, total, total_primer_ez) in [
            ("small", 35.3, 35_352_832, 35_380_480),
            ("medium", 109.6, 109_693_824, 109_776_768),
            ("large", 536.2, 536_537_600, 536_758_784),
        ] {
            assert_eq!(matrices(name, 32_128), millions, "{name}");
            assert_eq!(
                params(&TRANSFORMER, name, 32_128).total().0,
                total,
                "{name}"
            );
            assert_eq!(
                params(&PRIMER_EZ, name, 32_128).total().0,
                total_primer_ez,
                "{name}"
            );
        }
    }

    /// Both ends of the paper's sweep, with the 32,000 tokens of its LM1B vocabulary, and its
    /// bottleneck.
    #[test]
    fn the_papers_sweep_has_the_papers_ends() {
        assert_eq!(matrices("d384-l6", 32_000), 22.9);
        assert_eq!(matrices("d1024-l12-ff12", 32_000), 385.1);
        assert_eq!(matrices("d384-l6-ff12", 32_128), 37.1);
    }

    #[test]
    fn primer_ez_adds_its_taps_and_nothing_else() {
        let extra = params(&PRIMER_EZ, "small", 256).total().0
            - params(&TRANSFORMER, "small", 256).total().0;
        assert_eq!(extra, 9 * 512 * 6);
    }
}
