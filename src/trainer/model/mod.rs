//! Decoder-only language models of So et al., arXiv:2109.08668, and modern variants.
//!
//! Trailing comments give shapes: B sequences, T tokens, d = d_model, H heads, h = d_head, D = H·h,
//! F = d_ff, V vocabulary.
//!
//! Each struct declares its tensors (`slots`), takes them from the flat vector (`bind`) and
//! computes its output (`forward`).

mod attention;
mod attention_path;
mod block;
mod convolution;
mod feed_forward;
mod init;
mod language_model;
mod norm;
mod operations;
mod positions;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod reference_tests;
mod relative;
mod rotary;

#[cfg(test)]
pub(crate) use convolution::convolve as plain_convolution;
pub(crate) use language_model::LanguageModel;
pub(crate) use positions::PositionTerms;
