//! Muon's settings.

use super::Adamw;
use super::settings::settings;

settings! {
    /// Muon (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon/>): Nesterov momentum, made orthogonal by a
    /// quintic Newton-Schulz iteration, scaled by 0.2·sqrt(max(rows, columns)) so that an update is as large as AdamW's
    /// and takes the same learning rate and weight decay (arXiv:2502.16982, eq. 4).
    Muon {
        /// Decay of the momentum.
        momentum: f64 = 0.95, in 0.0..=0.999_999;
        /// Newton-Schulz iterations.
        iterations: u32 = 5, in 1..=20;
        /// For embeddings, head, norms, biases and taps; its `weight_decay` is the matrices' too.
        adamw: Adamw = Adamw::DEFAULT;
    }
}
