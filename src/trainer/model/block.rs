//! Layer of the model.

use isoflop_core::arch::{ModelConfig, NormPlacement};
use tch::Tensor;

use super::attention::Attention;
use super::feed_forward::FeedForward;
use super::norm::NormLayer;
use super::positions::{PositionTerms, ScoreBias};
use crate::parameters::{TensorSlot, TensorViews};

/// A layer: attention and feed-forward, each with its norm.
#[derive(Debug)]
pub(super) struct Block {
    placement: NormPlacement,
    attention_norm: NormLayer,
    attention: Attention,
    ffn_norm: NormLayer,
    ffn: FeedForward,
}

fn names(layer: u32) -> [String; 2] {
    ["attention", "ffn"].map(|part| format!("layers.{layer}.{part}"))
}

impl Block {
    pub(super) fn slots(config: &ModelConfig, layer: u32) -> Vec<TensorSlot> {
        let [attention, ffn] = names(layer);
        let mut slots = NormLayer::slots(config, &format!("{attention}.norm"));
        slots.extend(Attention::slots(config, &attention));
        slots.extend(NormLayer::slots(config, &format!("{ffn}.norm")));
        slots.extend(FeedForward::slots(config, &ffn));
        slots
    }

    pub(super) fn bind(config: &ModelConfig, views: &TensorViews<'_>, layer: u32) -> Self {
        let [attention, ffn] = names(layer);
        Self {
            placement: config.architecture.norm_placement,
            attention_norm: NormLayer::bind(config, views, &format!("{attention}.norm")),
            attention: Attention::bind(config, views, &attention),
            ffn_norm: NormLayer::bind(config, views, &format!("{ffn}.norm")),
            ffn: FeedForward::bind(config, views, &ffn),
        }
    }

    /// Computes x + Attention(N(x)), then x + FFN(N(x)), or Primer's x + N(FFN(x))
    /// (arXiv:2109.08668, released code, `PrePostNormLayerStack`).
    pub(super) fn forward(
        &self,
        x: &Tensor,
        bias: &ScoreBias,
        positions: &PositionTerms,
    ) -> Tensor {
        let x = x + self
            .attention
            .forward(&self.attention_norm.forward(x), bias, positions); // [B, T, d]
        let added = match self.placement {
            NormPlacement::Pre => self.ffn.forward(&self.ffn_norm.forward(&x)),
            NormPlacement::PrePost => self.ffn_norm.forward(&self.ffn.forward(&x)),
        };
        x + added // [B, T, d]
    }
}
