//! The decoder-only language model of So et al., arXiv:2109.08668.
//!
//! Structs stand in the paper's order; shapes in trailing comments: B sequences, T tokens,
//! d = d_model, H heads, h = d_head, D = H·h, F = d_ff, V vocabulary.

mod attention;
mod feed_forward;
mod norm;
mod positions;
mod slots;
#[cfg(test)]
mod tests;

use attention::Attention;
use feed_forward::FeedForward;
use isoflop::arch::{Architecture, Shape};
use norm::LayerNorm;
pub(crate) use positions::RelativePositions;
pub(crate) use slots::slots;
use tch::{Kind, Tensor};

use crate::parameters::Views;

/// A model bound to one view of its parameters.
#[derive(Debug)]
pub(crate) struct Model {
    embedding: Tensor,     // [V, d], tied: also the output head
    relative_bias: Tensor, // [H, buckets], shared by all layers
    blocks: Vec<Block>,
    final_norm: LayerNorm,
}

#[derive(Debug)]
struct Block {
    attention_norm: LayerNorm,
    attention: Attention,
    ffn_norm: LayerNorm,
    ffn: FeedForward,
}

impl Model {
    pub(crate) fn bind(arch: &Architecture, shape: &Shape, views: &Views<'_>) -> Self {
        let block = |layer: u32| Block {
            attention_norm: LayerNorm::bind(views, &format!("layers.{layer}.attention.norm")),
            attention: Attention::bind(arch, shape, views, &format!("layers.{layer}.attention")),
            ffn_norm: LayerNorm::bind(views, &format!("layers.{layer}.ffn.norm")),
            ffn: FeedForward::bind(arch, views, &format!("layers.{layer}.ffn")),
        };
        Self {
            embedding: views.get("embedding"),
            relative_bias: views.get("relative_bias"),
            blocks: (0..shape.layers).map(block).collect(),
            final_norm: LayerNorm::bind(views, "final_norm"),
        }
    }

    /// Logits for the next token at every position.
    pub(crate) fn forward(&self, tokens: &Tensor, positions: &RelativePositions) -> Tensor {
        let bias = positions.bias(&self.relative_bias); // [H, T, T], the causal mask within it
        let mut x = Tensor::embedding(&self.embedding, tokens, -1, false, false); // [B, T, d]
        for block in &self.blocks {
            x = block.forward(&x, &bias);
        }
        let d_model = self.embedding.size()[1] as f64;
        let h = self.final_norm.forward(&x) * d_model.powf(-0.5); // [B, T, d]
        h.linear(&self.embedding, None::<&Tensor>) // [B, T, V]
    }

    /// Mean loss over all positions, nats/token.
    pub(crate) fn loss(&self, tokens: &Tensor, targets: &Tensor, positions: &RelativePositions) -> Tensor {
        let logits = self.forward(tokens, positions);
        let vocabulary = self.embedding.size()[0];
        logits.view([-1, vocabulary]).to_kind(Kind::Float).cross_entropy_for_logits(&targets.reshape([-1]))
    }
}

impl Block {
    /// x + Attention(Norm(x)), then x + FFN(Norm(x)).
    fn forward(&self, x: &Tensor, bias: &Tensor) -> Tensor {
        let x = x + self.attention.forward(&self.attention_norm.forward(x), bias); // [B, T, d]
        &x + self.ffn.forward(&self.ffn_norm.forward(&x)) // [B, T, d]
    }
}
