//! The text that a sweep is expanded for.

use isoflop_core::run::DataSpec;

/// What expansion must know of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpora {
    /// What runs name it by.
    pub spec: DataSpec,
    /// Training tokens there are.
    pub train_tokens: u64,
    /// Held-out tokens there are.
    pub validation_tokens: u64,
}
