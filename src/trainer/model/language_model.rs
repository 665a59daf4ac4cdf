//! Language model and its loss.

use isoflop_core::arch::{
    LogitScale, ModelConfig, OutputHead, Positions as PositionKind, RELATIVE_BUCKETS,
};
use tch::{Kind, Tensor};

use super::attention_path::AttentionPath;
use super::block::Block;
use super::init;
use super::norm::NormLayer;
use super::operations::{dense, scaled, soft_cap};
use super::positions::PositionTerms;
use crate::fused;
use crate::parameters::{TensorSlot, TensorViews};

/// A model bound to one view of its parameters.
#[derive(Debug)]
pub(crate) struct LanguageModel {
    embedding: Tensor,                  // [V, d]
    position_embedding: Option<Tensor>, // [T, d]
    relative_bias: Option<Tensor>,      // [H, buckets], shared by all layers
    blocks: Vec<Block>,
    final_norm: NormLayer,
    head: Tensor, // [V, d], the embedding if tied
    logit_scale: Option<f64>,
    logit_soft_cap: Option<f64>,
    bounds_scores: bool,
    z_loss: f64,
}

/// Loss of a batch, nats/token: means over all positions.
#[derive(Debug)]
pub(crate) struct BatchLoss {
    /// Mean of -log p(next token), the loss that is compared.
    pub(crate) cross_entropy: Tensor, // []
    /// Objective that training minimises: the cross entropy plus the z-loss, if any.
    pub(crate) objective: Tensor, // []
}

impl LanguageModel {
    /// Returns all tensors, in the order of the forward pass.
    pub(crate) fn slots(config: &ModelConfig) -> Vec<TensorSlot> {
        let rows = [config.vocabulary, config.shape.d_model].map(i64::from);
        let mut slots = vec![TensorSlot::embedding(
            "embedding",
            &rows,
            init::embedding(config),
        )];
        slots.extend(position_slot(config));
        slots.extend((0..config.shape.layers).flat_map(|layer| Block::slots(config, layer)));
        slots.extend(NormLayer::slots(config, "final_norm"));
        if config.architecture.head == OutputHead::Untied {
            slots.push(TensorSlot::embedding("head", &rows, init::head(config)));
        }
        slots
    }

    pub(crate) fn bind(config: &ModelConfig, views: &TensorViews<'_>) -> Self {
        let architecture = &config.architecture;
        let positions = architecture.positions;
        let positioned = |kind, name: &str| (positions == kind).then(|| views.get(name));
        Self {
            embedding: views.get("embedding"),
            position_embedding: positioned(PositionKind::Learned, "position_embedding"),
            relative_bias: positioned(PositionKind::T5Relative, "relative_bias"),
            blocks: (0..config.shape.layers)
                .map(|layer| Block::bind(config, views, layer))
                .collect(),
            final_norm: NormLayer::bind(config, views, "final_norm"),
            head: views.matrix(if architecture.head == OutputHead::Tied {
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

    /// Computes the logits of the next token at every position.
    pub(crate) fn forward(&self, tokens: &Tensor, positions: &PositionTerms) -> Tensor {
        self.forward_by(
            AttentionPath::of(&self.embedding, self.bounds_scores),
            tokens,
            positions,
        )
    }

    /// Computes the logits by one path of attention.
    pub(super) fn forward_by(
        &self,
        path: AttentionPath,
        tokens: &Tensor,
        positions: &PositionTerms,
    ) -> Tensor {
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

    /// Computes the mean loss over all positions.
    pub(crate) fn loss(
        &self,
        tokens: &Tensor,
        targets: &Tensor,
        positions: &PositionTerms,
    ) -> BatchLoss {
        let vocabulary = self.embedding.size()[0];
        let logits = self.forward(tokens, positions).view([-1, vocabulary]); // [B·T, V]
        let targets = targets.reshape([-1]);
        let [cross_entropy, objective] = if fused::supports(&logits) {
            fused::cross_entropy(logits, &targets, self.z_loss)
        } else {
            self.composed_loss(&logits.to_kind(Kind::Float), &targets)
        };
        BatchLoss {
            cross_entropy,
            objective,
        }
    }

    /// Computes cross entropy and objective by libtorch's operations.
    fn composed_loss(&self, logits: &Tensor, targets: &Tensor) -> [Tensor; 2] {
        let cross_entropy = logits.cross_entropy_for_logits(targets);
        let objective = if self.z_loss > 0.0 {
            // z·mean(log² Σ exp(logits)), arXiv:2204.02311, section 5.
            let log_z = logits.logsumexp([-1i64].as_slice(), false);
            &cross_entropy + log_z.square().mean(Kind::Float) * self.z_loss
        } else {
            cross_entropy.shallow_clone()
        };
        [cross_entropy, objective]
    }
}

/// Returns the tensor of positions, if they have one.
fn position_slot(config: &ModelConfig) -> Option<TensorSlot> {
    let (name, dims, init) = match config.architecture.positions {
        PositionKind::T5Relative => {
            let dims = [config.shape.heads, RELATIVE_BUCKETS];
            ("relative_bias", dims, init::relative_bias(config))
        }
        PositionKind::Learned => {
            let dims = [config.sequence_length, config.shape.d_model];
            ("position_embedding", dims, init::embedding(config))
        }
        PositionKind::Rotary { .. } | PositionKind::None => return None,
    };
    Some(TensorSlot::exempt(name, &dims.map(i64::from), init))
}
