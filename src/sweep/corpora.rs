//! Text of a sweep, for expansion into runs.

use isoflop_core::run::DataSpec;

/// Properties of the text that expansion needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpora {
    /// Tokenizer and digests, as in the specs of runs.
    pub spec: DataSpec,
    /// Number of training tokens.
    pub train_tokens: u64,
    /// Number of held-out tokens.
    pub validation_tokens: u64,
}
