//! Preparation of data: from text files to token files named by digest.

use std::fs;

use super::{Corpus, CorpusError, TextFile, encode};
use crate::run::{DataSpec, SweepDir, Tokenizer, read_digest, write_atomic};

/// Training text and held-out text.
#[derive(Clone, Debug, PartialEq)]
pub enum DataSplit<T = TextFile> {
    /// Two files.
    Files {
        /// Training text.
        train: T,
        /// Held-out text.
        validation: T,
    },
    /// One file, of which a fraction is held out.
    Fraction {
        /// The text.
        text: T,
        /// Fraction of it that is held out.
        validation_fraction: f64,
    },
}

impl<T> DataSplit<T> {
    /// Applies `text` to each text of the split.
    ///
    /// # Errors
    /// The first error of `text`.
    pub fn try_map<U, E>(self, mut text: impl FnMut(T) -> Result<U, E>) -> Result<DataSplit<U>, E> {
        Ok(match self {
            Self::Files { train, validation } => DataSplit::Files {
                train: text(train)?,
                validation: text(validation)?,
            },
            Self::Fraction {
                text: whole,
                validation_fraction,
            } => DataSplit::Fraction {
                text: text(whole)?,
                validation_fraction,
            },
        })
    }
}

/// Size of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStats {
    /// Tokens, including the end-of-document tokens.
    pub tokens: u64,
    /// Bytes of text, including one byte for each end of a document.
    pub bytes: u64,
    /// Documents.
    pub documents: usize,
}

/// Data that is ready to train on, in memory until [`PreparedData::write_tokens`].
#[derive(Clone, Debug)]
pub struct PreparedData {
    /// Entry of the data in specs.
    pub spec: DataSpec,
    /// Size of the training text.
    pub train: TextStats,
    /// Size of the held-out text.
    pub validation: TextStats,
    train_tokens: Vec<u8>,
    validation_tokens: Vec<u8>,
}

/// Reads, checks, splits and tokenizes text.
///
/// # Errors
/// [`CorpusError`] if a file is not a valid corpus, or training and validation text overlap.
pub fn prepare(split: &DataSplit, tokenizer: Tokenizer) -> Result<PreparedData, CorpusError> {
    let (train, validation) = read_split(split)?;
    let (train_tokens, validation_tokens) =
        (encode(&train, tokenizer), encode(&validation, tokenizer));
    let stats = |corpus: &Corpus, tokens: &[u8]| TextStats {
        tokens: tokens.len() as u64,
        bytes: tokens.len() as u64,
        documents: corpus.documents.len(),
    };
    Ok(PreparedData {
        spec: DataSpec {
            tokenizer,
            train_digest: blake3::hash(&train_tokens).to_hex().to_string(),
            validation_digest: blake3::hash(&validation_tokens).to_hex().to_string(),
        },
        train: stats(&train, &train_tokens),
        validation: stats(&validation, &validation_tokens),
        train_tokens,
        validation_tokens,
    })
}

/// Reads the training text and the held-out text. Two files must not share a document.
fn read_split(split: &DataSplit) -> Result<(Corpus, Corpus), CorpusError> {
    match split {
        DataSplit::Files { train, validation } => {
            let (train_text, validation_text) = (Corpus::read(train)?, Corpus::read(validation)?);
            let shared = validation_text.shared_with(&train_text);
            if shared > 0 {
                let documents = validation_text.documents.len();
                return Err(CorpusError::Overlap {
                    train: train.name.clone(),
                    validation: validation.name.clone(),
                    shared,
                    documents,
                });
            }
            Ok((train_text, validation_text))
        }
        DataSplit::Fraction {
            text,
            validation_fraction,
        } => Corpus::read(text)?
            .hold_out(*validation_fraction)
            .ok_or_else(|| CorpusError::NotSplittable(text.name.clone())),
    }
}

impl PreparedData {
    /// Writes the token files that are missing or damaged.
    ///
    /// # Errors
    /// [`CorpusError::Unwritable`] if a file or its folder cannot be written.
    pub fn write_tokens(&self, sweep: &SweepDir) -> Result<(), CorpusError> {
        let folder = sweep.data();
        fs::create_dir_all(&folder).map_err(|source| CorpusError::Unwritable {
            path: folder,
            source,
        })?;
        for (digest, tokens) in [
            (&self.spec.train_digest, &self.train_tokens),
            (&self.spec.validation_digest, &self.validation_tokens),
        ] {
            let path = sweep.tokens(digest);
            if !read_digest(&path).is_ok_and(|found| found == *digest) {
                write_atomic(&path, tokens)
                    .map_err(|source| CorpusError::Unwritable { path, source })?;
            }
        }
        Ok(())
    }
}
