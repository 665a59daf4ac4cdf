//! Corpora, token files and batches.
//!
//! The coordinator reads text, checks it, splits it by document, and writes token files named by
//! digest. The trainer only maps those files. A batch is a pure function of (seed, step): the same
//! on any machine, in any process, after any restart.

mod batches;
mod corpus;
mod prepare;
mod stored_tokens;
mod tokens;

pub use batches::{BatchPlan, EVALUATION_BATCH, validation_windows};
pub use corpus::{Corpus, CorpusError, DOCUMENT_SEPARATOR, TextFile};
pub use prepare::{DataSplit, PreparedData, TextStats, prepare};
pub use stored_tokens::{StoredTokensError, check_stored_tokens};
pub use tokens::{TokenFile, encode};
