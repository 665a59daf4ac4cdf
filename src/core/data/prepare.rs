//! From text files to token files named by digest.

use std::fs;

use super::{Corpus, CorpusError, Text, encode};
use crate::run::{DataSpec, SweepDir, Tokenizer, read_digest, write_whole};

/// Which text is trained on, and which is held out.
#[derive(Clone, Debug, PartialEq)]
pub enum Split<T = Text> {
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
        /// Part of it that is held out.
        validation_fraction: f64,
    },
}

impl<T> Split<T> {
    /// The same split of other texts.
    ///
    /// # Errors
    /// The first that `text` has.
    pub fn try_map<U, E>(self, mut text: impl FnMut(T) -> Result<U, E>) -> Result<Split<U>, E> {
        Ok(match self {
            Self::Files { train, validation } => Split::Files {
                train: text(train)?,
                validation: text(validation)?,
            },
            Self::Fraction {
                text: whole,
                validation_fraction,
            } => Split::Fraction {
                text: text(whole)?,
                validation_fraction,
            },
        })
    }
}

/// What a text comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStats {
    /// Tokens, the end-of-document tokens included.
    pub tokens: u64,
    /// Bytes of text, the same ends included as one byte each.
    pub bytes: u64,
    /// Documents.
    pub documents: usize,
}

/// Data that is ready to train on, in memory until [`Prepared::store`].
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What runs name it by.
    pub spec: DataSpec,
    /// The training text.
    pub train: TextStats,
    /// The held-out text.
    pub validation: TextStats,
    train_tokens: Vec<u8>,
    validation_tokens: Vec<u8>,
}

/// Reads, checks, splits and tokenizes.
///
/// # Errors
/// [`CorpusError`] when a file is no corpus, or training and validation overlap.
pub fn prepare(split: &Split, tokenizer: Tokenizer) -> Result<Prepared, CorpusError> {
    let (train, validation) = read_split(split)?;
    let (train_tokens, validation_tokens) =
        (encode(&train, tokenizer), encode(&validation, tokenizer));
    let stats = |corpus: &Corpus, tokens: &[u8]| TextStats {
        tokens: tokens.len() as u64,
        bytes: tokens.len() as u64,
        documents: corpus.documents.len(),
    };
    Ok(Prepared {
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

/// The training text and the held-out text, which share no document.
fn read_split(split: &Split) -> Result<(Corpus, Corpus), CorpusError> {
    match split {
        Split::Files { train, validation } => {
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
        Split::Fraction {
            text,
            validation_fraction,
        } => Corpus::read(text)?
            .hold_out(*validation_fraction)
            .ok_or_else(|| CorpusError::NotSplittable(text.name.clone())),
    }
}

impl Prepared {
    /// Writes the token files where they are missing or damaged.
    ///
    /// # Errors
    /// [`CorpusError::Unwritable`].
    pub fn store(&self, sweep: &SweepDir) -> Result<(), CorpusError> {
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
                write_whole(&path, tokens)
                    .map_err(|source| CorpusError::Unwritable { path, source })?;
            }
        }
        Ok(())
    }
}
