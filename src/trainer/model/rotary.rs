//! Rotary positions (Su et al., arXiv:2104.09864). Channels j and j + h/2 of a query or key at
//! position t are rotated by the angle t·base^(-2j/h), so that scores depend only on distances.

use isoflop_core::arch::ModelConfig;
use tch::{Device, Tensor};

#[derive(Debug)]
pub(super) struct Rotation {
    cos: Tensor, // [T, 1, h/2]
    sin: Tensor, // [T, 1, h/2]
}

impl Rotation {
    /// Computes the angles in double precision, in pure Rust, so that the bits do not depend on the
    /// system's libm.
    pub(super) fn new(first: u32, config: &ModelConfig, base: f64, device: Device) -> Self {
        let (length, d_head) = (config.sequence_length, config.shape.d_head);
        let pairs = d_head / 2;
        let frequency = |j: u32| libm::pow(base, -2.0 * f64::from(j) / f64::from(d_head));
        let angles: Vec<f64> = (first..first + length)
            .flat_map(|t| (0..pairs).map(move |j| f64::from(t) * frequency(j)))
            .collect();
        let table = |of: fn(f64) -> f64| {
            let values: Vec<f32> = angles.iter().map(|angle| of(*angle) as f32).collect();
            Tensor::from_slice(&values)
                .view([i64::from(length), 1, i64::from(pairs)])
                .to_device(device)
        };
        Self {
            cos: table(libm::cos),
            sin: table(libm::sin),
        }
    }

    /// Applies equation 34 of the paper to halves instead of neighbouring channels.
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let halves = x.chunk(2, -1); // each [B, T, H, h/2]
        let (a, b) = (&halves[0], &halves[1]);
        let turned = Tensor::cat(
            &[a * &self.cos - b * &self.sin, b * &self.cos + a * &self.sin],
            -1,
        );
        turned.to_kind(x.kind()) // [B, T, H, h]
    }
}
