//! Constants of positions for one sequence length: causal mask, T5's buckets and rotary angles.

use isoflop_core::arch::{ModelConfig, Positions as Kind};
use tch::{Device, Kind as Number, Tensor};

use super::attention_path::AttentionPath;
use super::relative::RelativePositions;
use super::rotary::Rotation;

/// Position terms of the attention, for sequences of one length.
#[derive(Debug)]
pub(crate) struct PositionTerms {
    added: ScoreTerm,
    rotation: Option<Rotation>,
}

/// Term that is added to the scores of one batch.
#[derive(Debug)]
pub(super) enum ScoreBias {
    /// For [`AttentionPath::Fused`], which applies the causal mask: `[H, T]`, the bias of each
    /// distance, with relative positions only.
    ByDistance(Option<Tensor>),
    /// For [`AttentionPath::Library`]: `[1, H, T, T]`, -inf in the future, with relative positions.
    /// Otherwise `None`, because the library applies its own causal mask.
    Masked(Option<Tensor>),
    /// For [`AttentionPath::Composed`]: `[T, T]` or `[H, T, T]`, -inf in the future.
    Square(Tensor),
}

/// Term that is added to the scores of any batch.
#[derive(Debug)]
enum ScoreTerm {
    /// `[T, T]`, 0 for key s <= query t, -inf in the future.
    Mask(Tensor),
    /// The relative bias, which includes the mask.
    Relative(RelativePositions),
}

impl PositionTerms {
    pub(crate) fn new(config: &ModelConfig, device: Device) -> Self {
        Self::starting_at(0, config, device)
    }

    /// Builds the terms for sequences whose first token is at position `first`. Only rotations
    /// depend on it.
    pub(super) fn starting_at(first: u32, config: &ModelConfig, device: Device) -> Self {
        let t = i64::from(config.sequence_length);
        let rotation = match config.architecture.positions {
            Kind::Rotary { base } => Some(Rotation::new(first, config, base, device)),
            Kind::T5Relative | Kind::Learned | Kind::None => None,
        };
        let added = match config.architecture.positions {
            Kind::T5Relative => ScoreTerm::Relative(RelativePositions::new(t, device)),
            Kind::Rotary { .. } | Kind::Learned | Kind::None => ScoreTerm::Mask(
                Tensor::full([t, t], f64::NEG_INFINITY, (Number::Float, device)).triu(1),
            ),
        };
        Self { added, rotation }
    }

    /// Returns the term for the scores of a path: the mask, or the relative bias from its table,
    /// for scores of format `kind`.
    ///
    /// # Panics
    /// If relative positions have no table, which is a bug: the model and its positions disagree.
    pub(super) fn bias(
        &self,
        relative_bias: Option<&Tensor>,
        path: AttentionPath,
        kind: Number,
    ) -> ScoreBias {
        let table = || relative_bias.expect("relative positions have a table");
        match (path, &self.added) {
            (AttentionPath::Fused, ScoreTerm::Mask(_)) => ScoreBias::ByDistance(None),
            (AttentionPath::Fused, ScoreTerm::Relative(relative)) => {
                ScoreBias::ByDistance(Some(relative.by_distance(table())))
            }
            (AttentionPath::Library, ScoreTerm::Mask(_)) => ScoreBias::Masked(None),
            (AttentionPath::Library, ScoreTerm::Relative(relative)) => {
                // Convert once for all layers. CUDA's kernels need contiguous rows.
                let rows = relative.bias(table()).to_kind(kind).contiguous();
                ScoreBias::Masked(Some(rows.unsqueeze(0)))
            }
            (AttentionPath::Composed, ScoreTerm::Mask(mask)) => {
                ScoreBias::Square(mask.shallow_clone())
            }
            (AttentionPath::Composed, ScoreTerm::Relative(relative)) => {
                ScoreBias::Square(relative.bias(table()))
            }
        }
    }

    /// Reports whether queries and keys are rotated.
    pub(super) fn rotates(&self) -> bool {
        self.rotation.is_some()
    }

    /// Rotates queries or keys `[B, T, H, h]` if positions are rotary.
    pub(super) fn rotate(&self, x: Tensor) -> Tensor {
        match &self.rotation {
            Some(rotation) => rotation.forward(&x),
            None => x,
        }
    }
}
