//! The decoder-only language models of So et al., arXiv:2109.08668, and their modern relatives.
//!
//! Structs stand in the paper's order; shapes in trailing comments: B sequences, T tokens,
//! d = d_model, H heads, h = d_head, D = H·h, F = d_ff, V vocabulary.
//!
//! Each struct says which tensors it has (`slots`), takes them (`bind`) and uses them (`forward`).

mod attention;
mod attention_path;
mod convolution;
mod feed_forward;
mod init;
mod norm;
mod operations;
mod positions;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reference_tests;
mod relative;
mod rotary;

use attention::Attention;
use attention_path::AttentionPath;
#[cfg(test)]
pub(crate) use convolution::convolve as plain_convolution;
use feed_forward::FeedForward;
use isoflop_core::arch::{
    Head, LogitScale, ModelConfig, NormPlacement, Positions as PositionKind, RELATIVE_BUCKETS,
};
use norm::Norm;
use operations::{dense, scaled, soft_cap};
use positions::Bias;
pub(crate) use positions::Positions;
use tch::{Kind, Tensor};

use crate::fused;
use crate::parameters::{Slot, Views};

/// A model bound to one view of its parameters.
#[derive(Debug)]
pub(crate) struct Model {
    embedding: Tensor,                  // [V, d]
    position_embedding: Option<Tensor>, // [T, d]
    relative_bias: Option<Tensor>,      // [H, buckets], shared by all layers
    blocks: Vec<Block>,
    final_norm: Norm,
    head: Tensor, // [V, d], the embedding where that is tied
    logit_scale: Option<f64>,
    logit_soft_cap: Option<f64>,
    bounds_scores: bool,
    z_loss: f64,
}

#[derive(Debug)]
struct Block {
    placement: NormPlacement,
    attention_norm: Norm,
    attention: Attention,
    ffn_norm: Norm,
    ffn: FeedForward,
}

/// What a batch costs, nats/token, means over all positions.
#[derive(Debug)]
pub(crate) struct Loss {
    /// -log p(next token): the loss that is compared.
    pub(crate) cross_entropy: Tensor, // []
    /// What training minimises: that, and the z-loss where there is one.
    pub(crate) objective: Tensor, // []
}

impl Model {
    /// Every tensor, in the order of the forward pass.
    pub(crate) fn slots(config: &ModelConfig) -> Vec<Slot> {
        let [d, heads, t, vocabulary] = [
            config.shape.d_model,
            config.shape.heads,
            config.sequence_length,
            config.vocabulary,
        ]
        .map(i64::from);
        let mut slots = vec![Slot::embedding(
            "embedding",
            &[vocabulary, d],
            init::embedding(config),
        )];
        match config.architecture.positions {
            PositionKind::T5Relative => {
                let dims = [heads, i64::from(RELATIVE_BUCKETS)];
                slots.push(Slot::exempt(
                    "relative_bias",
                    &dims,
                    init::relative_bias(config),
                ));
            }
            PositionKind::Learned => {
                slots.push(Slot::exempt(
                    "position_embedding",
                    &[t, d],
                    init::embedding(config),
                ));
            }
            PositionKind::Rotary { .. } | PositionKind::None => {}
        }
        slots.extend((0..config.shape.layers).flat_map(|layer| Block::slots(config, layer)));
        slots.extend(Norm::slots(config, "final_norm"));
        if config.architecture.head == Head::Untied {
            slots.push(Slot::embedding(
                "head",
                &[vocabulary, d],
                init::head(config),
            ));
        }
        slots
    }

    pub(crate) fn bind(config: &ModelConfig, views: &Views<'_>) -> Self {
        let architecture = &config.architecture;
        let positioned = |kind: bool, name: &str| kind.then(|| views.get(name));
        Self {
            embedding: views.get("embedding"),
            position_embedding: positioned(
                architecture.positions == PositionKind::Learned,
                "position_embedding",
            ),
            relative_bias: positioned(
                architecture.positions == PositionKind::T5Relative,
                "relative_bias",
            ),
            blocks: (0..config.shape.layers)
                .map(|layer| Block::bind(config, views, layer))
                .collect(),
            final_norm: Norm::bind(config, views, "final_norm"),
            head: views.matrix(if architecture.head == Head::Tied {
                "embedding"
            } else {
                "head"
            }),
            logit_scale: match architecture.logit_scale {
                LogitScale::InverseSqrtWidth => Some(f64::from(config.shape.d_model).powf(-0.5)),
                LogitScale::One => None,
            },
            logit_soft_cap: architecture.logit_softcap,
            bounds_scores: architecture.attention_softcap.is_some(),
            z_loss: architecture.z_loss,
        }
    }

    /// Logits for the next token at every position.
    pub(crate) fn forward(&self, tokens: &Tensor, positions: &Positions) -> Tensor {
        self.forward_by(
            AttentionPath::of(&self.embedding, self.bounds_scores),
            tokens,
            positions,
        )
    }

    /// The same by one path through attention.
    fn forward_by(&self, path: AttentionPath, tokens: &Tensor, positions: &Positions) -> Tensor {
        let bias = positions.bias(self.relative_bias.as_ref(), path, self.head.kind());
        let mut x = Tensor::embedding(&self.embedding, tokens, -1, false, false); // [B, T, d]
        if let Some(position_embedding) = &self.position_embedding {
            x += position_embedding;
        }
        for block in &self.blocks {
            x = block.forward(&x, &bias, positions);
        }
        let h = scaled(self.final_norm.forward(&x), self.logit_scale); // [B, T, d]
        soft_cap(dense(&h, &self.head, None), self.logit_soft_cap) // [B, T, V]
    }

    /// Mean loss over all positions.
    pub(crate) fn loss(&self, tokens: &Tensor, targets: &Tensor, positions: &Positions) -> Loss {
        let vocabulary = self.embedding.size()[0];
        let logits = self.forward(tokens, positions).view([-1, vocabulary]); // [B·T, V]
        let targets = targets.reshape([-1]);
        if fused::serves(&logits) {
            let [cross_entropy, objective] = fused::cross_entropy(logits, &targets, self.z_loss);
            return Loss {
                cross_entropy,
                objective,
            };
        }
        let logits = logits.to_kind(Kind::Float);
        let cross_entropy = logits.cross_entropy_for_logits(&targets);
        let objective = if self.z_loss > 0.0 {
            // z·mean(log² Σ exp(logits)), arXiv:2204.02311, section 5.
            let log_z = logits.logsumexp([-1i64].as_slice(), false);
            &cross_entropy + log_z.square().mean(Kind::Float) * self.z_loss
        } else {
            cross_entropy.shallow_clone()
        };
        Loss {
            cross_entropy,
            objective,
        }
    }
}

impl Block {
    fn slots(config: &ModelConfig, layer: u32) -> Vec<Slot> {
        let (attention, ffn) = (
            format!("layers.{layer}.attention"),
            format!("layers.{layer}.ffn"),
        );
        let mut slots = Norm::slots(config, &format!("{attention}.norm"));
        slots.extend(Attention::slots(config, &attention));
        slots.extend(Norm::slots(config, &format!("{ffn}.norm")));
        slots.extend(FeedForward::slots(config, &ffn));
        slots
    }

    fn bind(config: &ModelConfig, views: &Views<'_>, layer: u32) -> Self {
        let (attention, ffn) = (
            format!("layers.{layer}.attention"),
            format!("layers.{layer}.ffn"),
        );
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
    fn forward(&self, x: &Tensor, bias: &Bias, positions: &Positions) -> Tensor {
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
