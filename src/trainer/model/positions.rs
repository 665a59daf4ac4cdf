//! What depends on the sequence length alone, made once: the causal mask, T5's buckets, the rotary angles.

use isoflop_core::arch::{ModelConfig, Positions as Kind};
use tch::{Device, Kind as Number, Tensor};

use super::attention_path::AttentionPath;
use super::relative::RelativePositions;
use super::rotary::Rotation;

/// How the model knows positions, for sequences of one length.
#[derive(Debug)]
pub(crate) struct Positions {
    added: Added,
    rotation: Option<Rotation>,
}

/// What is added to the scores of one batch.
#[derive(Debug)]
pub(super) enum Bias {
    /// For [`AttentionPath::Fused`], which knows what is causal: `[H, T]`, for each distance, where positions are relative.
    ByDistance(Option<Tensor>),
    /// For [`AttentionPath::Library`]: `[1, H, T, T]`, -inf in the future, where positions are relative; elsewhere nothing,
    /// the library's own causal mask is all.
    Masked(Option<Tensor>),
    /// For [`AttentionPath::Composed`]: `[T, T]` or `[H, T, T]`, -inf in the future.
    Square(Tensor),
}

/// What is added to the scores of any batch.
#[derive(Debug)]
enum Added {
    /// `[T, T]`, 0 where key s <= query t, -inf where it is in the future.
    Mask(Tensor),
    /// The relative bias, which holds the mask.
    Relative(RelativePositions),
}

impl Positions {
    pub(crate) fn new(config: &ModelConfig, device: Device) -> Self {
        Self::starting_at(0, config, device)
    }

    /// For sequences whose first token stands at `first`; only rotations tell.
    pub(super) fn starting_at(first: u32, config: &ModelConfig, device: Device) -> Self {
        let t = i64::from(config.sequence_length);
        let rotation = match config.architecture.positions {
            Kind::Rotary { base } => Some(Rotation::new(first, config, base, device)),
            Kind::T5Relative | Kind::Learned | Kind::None => None,
        };
        let added = match config.architecture.positions {
            Kind::T5Relative => Added::Relative(RelativePositions::new(t, device)),
            Kind::Rotary { .. } | Kind::Learned | Kind::None => Added::Mask(
                Tensor::full([t, t], f64::NEG_INFINITY, (Number::Float, device)).triu(1),
            ),
        };
        Self { added, rotation }
    }

    /// What is added to the scores on a path: the mask, or the relative bias by its table, for scores of format `kind`.
    ///
    /// # Panics
    /// When relative positions have no table: the model and its positions disagree, a bug.
    pub(super) fn bias(
        &self,
        relative_bias: Option<&Tensor>,
        path: AttentionPath,
        kind: Number,
    ) -> Bias {
        let table = || relative_bias.expect("relative positions have a table");
        match (path, &self.added) {
            (AttentionPath::Fused, Added::Mask(_)) => Bias::ByDistance(None),
            (AttentionPath::Fused, Added::Relative(relative)) => {
                Bias::ByDistance(Some(relative.by_distance(table())))
            }
            (AttentionPath::Library, Added::Mask(_)) => Bias::Masked(None),
            (AttentionPath::Library, Added::Relative(relative)) => {
                // Converted and laid out once for all layers: CUDA's kernels want whole rows.
                let rows = relative.bias(table()).to_kind(kind).contiguous();
                Bias::Masked(Some(rows.unsqueeze(0)))
            }
            (AttentionPath::Composed, Added::Mask(mask)) => Bias::Square(mask.shallow_clone()),
            (AttentionPath::Composed, Added::Relative(relative)) => {
                Bias::Square(relative.bias(table()))
            }
        }
    }

    /// Whether queries and keys are turned.
    pub(super) fn rotates(&self) -> bool {
        self.rotation.is_some()
    }

    /// Queries or keys `[B, T, H, h]`, turned where positions are rotary.
    pub(super) fn rotate(&self, x: Tensor) -> Tensor {
        match &self.rotation {
            Some(rotation) => rotation.forward(&x),
            None => x,
        }
    }
}
