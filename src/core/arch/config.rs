//! A model to count or to build: choices and the numbers that size them.

use super::{Architecture, Contradiction, Shape};

/// Everything that parameters and FLOPs depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The choices.
    pub architecture: Architecture,
    /// The shape, with the architecture's own widths in it ([`Architecture::at`]).
    pub shape: Shape,
    /// Number of distinct tokens.
    pub vocabulary: u32,
    /// Tokens in a sequence.
    pub sequence_length: u32,
}

impl ModelConfig {
    /// An architecture at a size.
    ///
    /// # Errors
    /// [`Contradiction`] when its choices exclude each other or do not fit the size.
    pub fn new(
        architecture: &Architecture,
        size: &Shape,
        vocabulary: u32,
        sequence_length: u32,
    ) -> Result<Self, Contradiction> {
        architecture.check()?;
        Ok(Self {
            shape: architecture.at(size)?,
            architecture: architecture.clone(),
            vocabulary,
            sequence_length,
        })
    }

    /// Widths of what is projected from the residual stream: Q, K, V, or z, V where Q and K share.
    pub fn projection_widths(&self) -> Vec<u32> {
        use super::QkvProjections::{GroupedQuery, Separate, SharedQk};
        let d_attention = self.shape.d_attention();
        match self.architecture.qkv_projections {
            Separate => vec![d_attention; 3],
            SharedQk => vec![d_attention; 2],
            GroupedQuery { group } => vec![d_attention, d_attention / group, d_attention / group],
        }
    }

    /// Weights of Primer's W', which makes Q from K; 0 where Q has a projection of its own.
    pub fn query_from_key_weights(&self) -> u64 {
        u64::from(self.shares_qk()) * u64::from(self.shape.d_attention()).pow(2)
    }

    /// Whether Q is made from K.
    pub fn shares_qk(&self) -> bool {
        self.architecture.qkv_projections == super::QkvProjections::SharedQk
    }

    /// Taps of the convolutions of a layer, all together.
    pub fn taps(&self) -> u64 {
        let width = self
            .architecture
            .qkv_convolution
            .convolution()
            .map_or(0, |convolution| convolution.width);
        u64::from(width) * u64::from(self.convolved_channels())
    }

    /// Channels that the convolutions of a layer pass over, all together.
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
