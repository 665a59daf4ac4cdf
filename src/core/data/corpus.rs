//! Text files as documents.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The line that ends a document.
pub const DOCUMENT_SEPARATOR: &str = "<|endoftext|>";

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// Name in messages: its path, or the URL that it was downloaded from.
    pub name: PathBuf,
    /// Path on this machine.
    pub path: PathBuf,
}

impl From<PathBuf> for TextFile {
    fn from(path: PathBuf) -> Self {
        Self {
            name: path.clone(),
            path,
        }
    }
}

/// Reason that a file is not a valid corpus.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// File that is missing or cannot be read.
    #[error("cannot read the corpus `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// File without text.
    #[error("the corpus `{0}` is empty")]
    Empty(PathBuf),
    /// File that is not UTF-8.
    #[error("the corpus `{path}` is not UTF-8 text: byte {offset} is invalid")]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Position of the first invalid byte in the unpacked text.
        offset: usize,
    },
    /// Documents that are in both training and validation text.
    #[error(
        "{shared} of the {documents} documents of `{validation}` are also in `{train}`: validation text must be held out"
    )]
    Overlap {
        /// Training file.
        train: PathBuf,
        /// Validation file.
        validation: PathBuf,
        /// Documents in both.
        shared: usize,
        /// Documents of the validation file.
        documents: usize,
    },
    /// Text too short to hold out a part.
    #[error(
        "the corpus `{0}` is a single paragraph, which cannot be split into training and validation text"
    )]
    NotSplittable(PathBuf),
    /// Tokens that cannot be written.
    #[error("cannot write tokens to `{path}`: {source}")]
    Unwritable {
        /// The token file.
        path: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
}

impl CorpusError {
    /// The file at fault, by its name in messages.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Empty(path)
            | Self::NotUtf8 { path, .. }
            | Self::NotSplittable(path)
            | Self::Unwritable { path, .. }
            | Self::Overlap {
                validation: path, ..
            } => path,
        }
    }
}

/// A text as documents, in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus {
    /// Non-empty documents, without their separators.
    pub documents: Vec<String>,
}

impl Corpus {
    /// Reads a UTF-8 text file, plain or zstd-compressed (detected by its first bytes, not by its
    /// name).
    ///
    /// # Errors
    /// [`CorpusError`] if the file is missing, empty, damaged or not UTF-8.
    pub fn read(text: &TextFile) -> Result<Self, CorpusError> {
        let path = || text.name.clone();
        let bytes = read_unpacked(&text.path).map_err(|source| CorpusError::Unreadable {
            path: path(),
            source,
        })?;
        let unpacked = String::from_utf8(bytes).map_err(|e| CorpusError::NotUtf8 {
            path: path(),
            offset: e.utf8_error().valid_up_to(),
        })?;
        let corpus = Self::from_text(&unpacked);
        if corpus.documents.is_empty() {
            Err(CorpusError::Empty(path()))
        } else {
            Ok(corpus)
        }
    }

    /// Splits a text at lines that are the document separator.
    pub fn from_text(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut documents = vec![String::new()];
        for line in text.split_inclusive('\n') {
            if line.trim_end() == DOCUMENT_SEPARATOR {
                documents.push(String::new());
            } else if let Some(document) = documents.last_mut() {
                document.push_str(line);
            }
        }
        documents.retain(|document| !document.trim().is_empty());
        Self { documents }
    }

    /// Holds out about `fraction` of the text for validation: whole documents from the end, or the
    /// last paragraphs of a single document. Returns (training, validation); `None` if the text
    /// cannot be split.
    pub fn hold_out(self, fraction: f64) -> Option<(Self, Self)> {
        let mut documents = self.documents;
        if documents.len() == 1 {
            return split_paragraphs(&documents[0], fraction);
        }
        let total: usize = documents.iter().map(String::len).sum();
        let mut held_out = 0;
        let mut first = documents.len();
        while first > 1 && (first == documents.len() || (held_out as f64) < fraction * total as f64)
        {
            first -= 1;
            held_out += documents[first].len();
        }
        let validation = documents.split_off(first);
        let [train, validation] = [documents, validation].map(|documents| Self { documents });
        Some((train, validation))
    }

    /// Number of `self`'s documents that are also in `other`, word for word.
    pub fn shared_with(&self, other: &Self) -> usize {
        let digest = |document: &String| blake3::hash(document.trim().as_bytes());
        let digests: HashSet<_> = other.documents.iter().map(digest).collect();
        let own = self.documents.iter().map(digest);
        own.filter(|digest| digests.contains(digest)).count()
    }
}

fn split_paragraphs(text: &str, fraction: f64) -> Option<(Corpus, Corpus)> {
    let target = (text.len() as f64 * (1.0 - fraction)) as usize;
    // The paragraph end nearest to the target, or the line end if there are no paragraphs.
    let cut = |pattern: &str| {
        text.match_indices(pattern)
            .map(|(at, p)| at + p.len())
            .filter(|at| *at < text.len())
            .min_by_key(|at| at.abs_diff(target))
    };
    let at = cut("\n\n").or_else(|| cut("\n"))?;
    let (train, validation) = text.split_at(at);
    let [train, validation] = [train, validation].map(Corpus::from_text);
    (!train.documents.is_empty() && !validation.documents.is_empty()).then_some((train, validation))
}

fn read_unpacked(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        ));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if bytes.starts_with(&ZSTD_MAGIC) {
        let mut decoder = zstd::Decoder::new(bytes.as_slice())?;
        // Allow windows of up to 2 GiB, which `zstd --long=31` uses.
        decoder.window_log_max(31)?;
        let mut text = Vec::new();
        decoder.read_to_end(&mut text)?;
        return Ok(text);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(documents: &[&str]) -> Corpus {
        Corpus {
            documents: documents.iter().map(|d| (*d).to_owned()).collect(),
        }
    }

    #[test]
    fn separators_end_documents_only_as_whole_lines() {
        let text =
            "one\n<|endoftext|>\ntwo <|endoftext|> still two\n<|endoftext|>\n\n<|endoftext|>\n";
        assert_eq!(
            Corpus::from_text(text),
            corpus(&["one\n", "two <|endoftext|> still two\n"])
        );
    }

    #[test]
    fn documents_are_held_out_whole() {
        let (train, validation) = corpus(&["aaaa", "bbbb", "cc", "d"]).hold_out(0.2).unwrap();
        assert_eq!(
            (train, validation),
            (corpus(&["aaaa", "bbbb"]), corpus(&["cc", "d"]))
        );
    }

    #[test]
    fn a_single_document_is_split_at_a_paragraph() {
        let (train, validation) = corpus(&["one\n\ntwo\n\nthree\n\nfour"])
            .hold_out(0.3)
            .unwrap();
        assert_eq!(
            (train, validation),
            (corpus(&["one\n\ntwo\n\nthree\n\n"]), corpus(&["four"]))
        );
        assert_eq!(corpus(&["one line"]).hold_out(0.1), None);
    }
}
