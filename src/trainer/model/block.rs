//! One layer.

use isoflop_core::arch::{ModelConfig, NormPlacement};
use tch::Tensor;

use super::attention::Attention;
use super::feed_forward::FeedForward;
use super::norm::Norm;
use super::positions::{Bias, Positions};
use crate::parameters::{Slot, Views};

/// A layer: attention and feed-forward, each with its norm.
#[derive(Debug)]
pub(super) struct Block {
    placement: NormPlacement,
    attention_norm: Norm,
    attention: Attention,
    ffn_norm: Norm,
    ffn: FeedForward,
}

fn names(layer: u32) -> [String; 2] {
    ["attention", "ffn"].map(|part| format!("layers.{layer}.{part}"))
}

impl Block {
    pub(super) fn slots(config: &ModelConfig, layer: u32) -> Vec<Slot> {
        let [attention, ffn] = names(layer);
        let mut slots = Norm::slots(config, &format!("{attention}.norm"));
        slots.extend(Attention::slots(config, &attention));
        slots.extend(Norm::slots(config, &format!("{ffn}.norm")));
        slots.extend(FeedForward::slots(config, &ffn));
        slots
    }

    pub(super) fn bind(config: &ModelConfig, views: &Views<'_>, layer: u32) -> Self {
        let [attention, ffn] = names(layer);
        Self {
            placement: config.architecture.norm_placement,
            attention_norm: Norm::bind(config, views, &format!("{attention}.norm")),
            attention: Attention::bind(config, views, &attention),
            ffn_norm: Norm::bind(config, views, &format!("{ffn}.norm")),
            ffn: FeedForward::bind(config, views, &ffn),
        }
    }

    /// x + Attention(N(x)), then x + FFN(N(x)), or Primer's x + N(FFN(x)) (arXiv:2109.08668, released code,
    /// `PrePostNormLayerStack`).
    pub(super) fn forward(&self, x: &Tensor, bias: &Bias, positions: &Positions) -> Tensor {
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
