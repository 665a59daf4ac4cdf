//! Training and validation text.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::error::ValueError;
use super::not_empty::not_empty;
use super::{FiniteNumber, LocatedValue, address};
use isoflop_core::data::DataSplit;
use isoflop_core::run::Tokenizer;

/// Text: files relative to the sweep file, or `s3://bucket/name`. Either `train` and `validation`,
/// or `text`, of which a part is held out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataEntry {
    /// Training text: UTF-8, plain or zstd.
    #[serde(default, deserialize_with = "not_empty")]
    pub train: Option<LocatedValue<PathBuf>>,
    /// Held-out text.
    #[serde(default, deserialize_with = "not_empty")]
    pub validation: Option<LocatedValue<PathBuf>>,
    /// One text, of which a part is held out.
    #[serde(default, deserialize_with = "not_empty")]
    pub text: Option<LocatedValue<PathBuf>>,
    /// Part of `text` that is held out, in whole documents from its end; 0.1 if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub validation_fraction: Option<LocatedValue<FiniteNumber>>,
    /// Address of the S3-compatible storage that has the texts at `s3://`, such as
    /// `http://127.0.0.1:9000`; Amazon's if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub endpoint: Option<LocatedValue<String>>,
    /// Region of their bucket; `AWS_REGION`, or `us-east-1`, if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub region: Option<LocatedValue<String>>,
    /// Conversion of text to tokens.
    #[serde(default = "default_tokenizer")]
    pub tokenizer: Tokenizer,
}

fn default_tokenizer() -> Tokenizer {
    Tokenizer::Bytes
}

/// Location of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextLocation {
    /// A file on this machine.
    File(PathBuf),
    /// An object in a bucket.
    Object(TextObject),
}

/// A text in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextObject {
    /// Name of the bucket.
    pub bucket: String,
    /// Name in the bucket.
    pub key: String,
    /// Address of the storage; Amazon's if absent.
    pub endpoint: Option<String>,
    /// Region of the bucket.
    pub region: Option<String>,
}

impl TextObject {
    /// Address for messages.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

impl DataEntry {
    fn texts(&self) -> impl Iterator<Item = &LocatedValue<PathBuf>> {
        [&self.train, &self.validation, &self.text]
            .into_iter()
            .flatten()
    }

    /// Error of a text, at the location where the sweep at `path` names it.
    pub(super) fn text_error(
        &self,
        path: &Path,
        text: &Path,
        message: String,
        hint: &str,
    ) -> ValueError {
        let named = |entry: &&LocatedValue<PathBuf>| {
            entry.value == text || resolve(path, &entry.value) == text
        };
        match self.texts().find(named) {
            Some(entry) => entry.error(message, hint),
            None => ValueError::of_file(message, hint),
        }
    }

    /// Returns the texts of the sweep at `path`. Paths are resolved against its folder.
    pub(super) fn split(&self, path: &Path) -> Result<DataSplit<TextLocation>, ValueError> {
        self.check_bucket()?;
        let place = |text: &LocatedValue<PathBuf>| self.text(path, text);
        match (&self.train, &self.validation, &self.text) {
            (Some(train), Some(validation), None) => match &self.validation_fraction {
                None => Ok(DataSplit::Files {
                    train: place(train)?,
                    validation: place(validation)?,
                }),
                Some(fraction) => Err(fraction.error(
                    "`validation_fraction` needs `text`",
                    "remove this key: all of `validation` is held out",
                )),
            },
            (None, None, Some(text)) => {
                let tenth = LocatedValue::without_location(FiniteNumber(0.1));
                let fraction = self.validation_fraction.as_ref().unwrap_or(&tenth);
                let validation_fraction = fraction.within("`validation_fraction`", 0.001..=0.9)?;
                Ok(DataSplit::Fraction {
                    text: place(text)?,
                    validation_fraction,
                })
            }
            _ => {
                let message = "`data` needs either `train` and `validation`, or only `text`";
                let hint = "name both files, or one file of which a part is held out";
                Err(match self.texts().next() {
                    Some(text) => text.error(message, hint),
                    None => ValueError::of_file(message, hint),
                })
            }
        }
    }

    /// Checks that the settings of a bucket are given only if a text is in one.
    fn check_bucket(&self) -> Result<(), ValueError> {
        let has_objects = self.texts().any(|text| scheme(&text.value).is_some());
        for (name, word) in [("endpoint", &self.endpoint), ("region", &self.region)] {
            if let Some(word) = word.as_ref().filter(|_| !has_objects) {
                let message = format!("`{name}` applies to texts at `s3://`, but these are files");
                return Err(word.error(
                    message,
                    format!("remove `{name}`, or write `s3://bucket/name`"),
                ));
            }
        }
        address::check_endpoint(self.endpoint.as_ref())?;
        address::check_unquoted_word("`region`", self.region.as_ref(), "us-east-1")
    }

    fn text(&self, path: &Path, text: &LocatedValue<PathBuf>) -> Result<TextLocation, ValueError> {
        let Some((scheme, rest)) = scheme(&text.value) else {
            return Ok(TextLocation::File(resolve(path, &text.value)));
        };
        let word =
            |word: &Option<LocatedValue<String>>| word.as_ref().map(|word| word.value.clone());
        let object = object(rest).filter(|_| scheme == "s3");
        let Some((bucket, key)) = object else {
            let hidden = if rest.contains('@') { "...@" } else { "" };
            let shown = address::without_credentials(rest);
            let message = format!(
                "invalid text `{scheme}://{hidden}{shown}`: expected a path or `s3://bucket/name`"
            );
            let hint = "download it and write the path of the file, or name an object in a bucket";
            return Err(text.error(message, hint));
        };
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Ok(TextLocation::Object(TextObject {
            bucket,
            key,
            endpoint: word(&self.endpoint),
            region: word(&self.region),
        }))
    }
}

fn resolve(sweep: &Path, text: &Path) -> PathBuf {
    sweep.parent().unwrap_or(Path::new("")).join(text)
}

/// Splits an address into its scheme and the rest; `None` for a path.
fn scheme(text: &Path) -> Option<(&str, &str)> {
    let (scheme, rest) = text.to_str()?.split_once("://")?;
    (!scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .then_some((scheme, rest))
}

/// Splits the part of an address after `s3://` into bucket and name, if it is the address of an
/// object.
fn object(rest: &str) -> Option<(&str, &str)> {
    let (bucket, key) = rest.split_once('/')?;
    let is_name = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control)
    };
    (address::needs_no_quotes(bucket) && key.split('/').all(is_name)).then_some((bucket, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_a_bucket_and_a_name() {
        for (rest, bucket, key) in [
            ("lab/books.txt.zst", "lab", "books.txt.zst"),
            (
                "my.lab-1/a b/date=2024/c~(1).txt",
                "my.lab-1",
                "a b/date=2024/c~(1).txt",
            ),
        ] {
            assert_eq!(object(rest), Some((bucket, key)));
        }
        for none in [
            "",
            "lab",
            "lab/",
            "/books",
            "lab//books",
            "lab/a/../b",
            "key:secret@lab/books",
            "lab/a\nb",
            "lab/a/",
        ] {
            assert_eq!(object(none), None, "{none}");
        }
    }

    #[test]
    fn paths_are_no_addresses() {
        for path in ["books.txt", "/data/a://b", "../x", "a b://c"] {
            assert_eq!(scheme(Path::new(path)), None, "{path}");
        }
        assert_eq!(
            scheme(Path::new("s3://lab/books")),
            Some(("s3", "lab/books"))
        );
    }
}
