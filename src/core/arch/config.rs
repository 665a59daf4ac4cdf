//! Model configurations: an architecture at a size.

use super::{Architecture, Contradiction, Shape};

/// Everything that the counts of parameters and FLOPs depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The architecture.
    pub architecture: Architecture,
    /// The shape, with the architecture's own widths in it ([`Architecture::shape_at`]).
    pub shape: Shape,
    /// Number of distinct tokens.
    pub vocabulary: u32,
    /// Tokens in a sequence.
    pub sequence_length: u32,
}

impl ModelConfig {
    /// Makes the configuration of an architecture at a size.
    ///
    /// # Errors
    /// [`Contradiction`] if its choices contradict each other or do not fit the size.
    pub fn new(
        architecture: &Architecture,
        size: &Shape,
        vocabulary: u32,
        sequence_length: u32,
    ) -> Result<Self, Contradiction> {
        architecture.check()?;
        Ok(Self {
            shape: architecture.shape_at(size)?,
            architecture: architecture.clone(),
            vocabulary,
            sequence_length,
        })
    }

    /// Widths of the projections from the residual stream: Q, K, V, or z, V if Q and K share one.
    pub fn projection_widths(&self) -> Vec<u32> {
        use super::QkvProjections::{GroupedQuery, Separate, SharedQk};
        let d_attention = self.shape.d_attention();
        match self.architecture.qkv_projections {
            Separate => vec![d_attention; 3],
            SharedQk => vec![d_attention; 2],
            GroupedQuery { group } => vec![d_attention, d_attention / group, d_attention / group],
        }
    }

    /// Number of weights of Primer's W', which computes Q from K; 0 if Q has its own projection.
    pub fn query_from_key_weights(&self) -> u64 {
        u64::from(self.shares_qk()) * u64::from(self.shape.d_attention()).pow(2)
    }

    /// Reports whether Q is computed from K.
    pub fn shares_qk(&self) -> bool {
        self.architecture.qkv_projections == super::QkvProjections::SharedQk
    }

    /// Total number of taps of a layer's convolutions.
    pub fn taps(&self) -> u64 {
        let width = self
            .architecture
            .qkv_convolution
            .convolution()
            .map_or(0, |convolution| convolution.width);
        u64::from(width) * u64::from(self.convolved_channels())
    }

    /// Total number of channels of a layer's convolutions.
    pub fn convolved_channels(&self) -> u32 {
        use super::QkvConvolution::{Depthwise, None, Separable};
        let widths = self.projection_widths();
        match self.architecture.qkv_convolution {
            None => 0,
            Depthwise(_) => widths.iter().sum(),
            Separable(_) => widths.len() as u32 * self.shape.d_model,
        }
    }
}
