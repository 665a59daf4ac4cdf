//! What depends on the sequence length alone, made once: the causal mask, T5's buckets, the rotary angles.

use isoflop::arch::{ModelConfig, Positions as Kind};
use tch::{Device, Kind as Number, Tensor};

use super::relative::RelativePositions;
use super::rotary::Rotation;

/// How the model knows positions, for sequences of one length.
#[derive(Debug)]
pub(crate) struct Positions {
    mask: Tensor, // [T, T], 0 where key s <= query t, -inf where it is in the future
    relative: RelativePositions,
    rotation: Option<Rotation>,
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
        Self {
            mask: Tensor::full([t, t], f64::NEG_INFINITY, (Number::Float, device)).triu(1),
            relative: RelativePositions::new(t, device),
            rotation,
        }
    }

    /// What is added to the scores: the mask, and the relative bias where there is a table of it. `[T, T]` or `[H, T, T]`.
    pub(super) fn bias(&self, relative_bias: Option<&Tensor>) -> Tensor {
        relative_bias.map_or_else(|| self.mask.shallow_clone(), |table| self.relative.bias(table))
    }

    /// Queries or keys `[B, H, T, h]`, turned where positions are rotary.
    pub(super) fn rotate(&self, x: Tensor) -> Tensor {
        match &self.rotation {
            Some(rotation) => rotation.forward(&x),
            None => x,
        }
    }
}
