//! Token files, which the trainer maps into memory.
#![expect(
    unsafe_code,
    reason = "mapping a file is unsafe because others may change it; ours are named by digest and never rewritten"
)]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

use super::Corpus;
use crate::run::Tokenizer;

/// Encodes a corpus as tokens: each document, followed by the end-of-document token.
pub fn encode(corpus: &Corpus, tokenizer: Tokenizer) -> Vec<u8> {
    match tokenizer {
        Tokenizer::Bytes => {
            let total = corpus.documents.iter().map(|d| d.len() + 1).sum();
            let mut tokens = Vec::with_capacity(total);
            for document in &corpus.documents {
                tokens.extend_from_slice(document.as_bytes());
                tokens.push(0);
            }
            tokens
        }
    }
}

/// A mapped file of byte tokens.
#[derive(Debug)]
pub struct TokenFile {
    map: Mmap,
}

impl TokenFile {
    /// Maps a token file.
    ///
    /// # Errors
    /// If it cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: token files are written once under a temporary name, renamed to their digest and
        // never changed afterwards. If a user truncates one while it is mapped, only this run gets
        // a SIGBUS.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self { map })
    }

    /// The tokens.
    pub fn tokens(&self) -> &[u8] {
        &self.map
    }
}
