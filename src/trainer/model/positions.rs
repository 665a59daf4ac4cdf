//! What depends on the sequence length alone, made once: the causal mask, T5's buckets, the rotary angles.

use isoflop::arch::{ModelConfig, Positions as Kind};
use tch::{Device, Kind as Number, Tensor};

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
    /// `[H, T]`, for each distance, where positions are relative. The fused kernel knows what is causal.
    ByDistance(Option<Tensor>),
    /// `[T, T]` or `[H, T, T]`, -inf in the future.
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
            Kind::Rotary { base } => {
                Some(Rotation::new(first, config.sequence_length, config.shape.d_head, base, device))
            }
            Kind::T5Relative | Kind::Learned | Kind::None => None,
        };
        let added = match config.architecture.positions {
            Kind::T5Relative => Added::Relative(RelativePositions::new(t, device)),
            Kind::Rotary { .. } | Kind::Learned | Kind::None => {
                Added::Mask(Tensor::full([t, t], f64::NEG_INFINITY, (Number::Float, device)).triu(1))
            }
        };
        Self { added, rotation }
    }

    /// What is added to the scores: the mask, or the relative bias by its table.
    ///
    /// # Panics
    /// When relative positions have no table: the model and its positions disagree, a bug.
    pub(super) fn bias(&self, relative_bias: Option<&Tensor>, fused: bool) -> Bias {
        let table = || relative_bias.expect("relative positions have a table");
        match &self.added {
            Added::Mask(_) if fused => Bias::ByDistance(None),
            Added::Mask(mask) => Bias::Square(mask.shallow_clone()),
            Added::Relative(relative) if fused => Bias::ByDistance(Some(relative.by_distance(table()))),
            Added::Relative(relative) => Bias::Square(relative.bias(table())),
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
