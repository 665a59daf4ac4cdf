//! Corpora, token files and batches.
//!
//! The coordinator prepares: text is read, checked, split by document and written as
//! token files named by digest. The trainer only maps those files. A batch is a pure
//! function of (seed, step): the same on any machine, in any process, after any restart.

mod batches;
mod corpus;
mod prepare;
mod stored;
mod tokens;

pub use batches::{BatchPlan, EVALUATED_AT_ONCE, validation_windows};
pub use corpus::{Corpus, CorpusError, DOCUMENT_SEPARATOR, Text};
pub use prepare::{Prepared, Split, TextStats, prepare};
pub use stored::{StoredError, stored};
pub use tokens::{TokenFile, encode};
