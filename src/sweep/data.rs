//! Text to train and to validate on.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::error::Fault;
use super::given::given;
use super::{At, Number, address};
use isoflop_core::data::Split;
use isoflop_core::run::Tokenizer;

/// Text: files relative to the sweep file, or `s3://bucket/name`. Either `train` and `validation`, or `text` of which a part is held out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataEntry {
    /// Training text: UTF-8, plain or zstd.
    #[serde(default, deserialize_with = "given")]
    pub train: Option<At<PathBuf>>,
    /// Held-out text.
    #[serde(default, deserialize_with = "given")]
    pub validation: Option<At<PathBuf>>,
    /// One text for both.
    #[serde(default, deserialize_with = "given")]
    pub text: Option<At<PathBuf>>,
    /// Part of `text` that is held out, by whole documents from its end; 0.1 if absent.
    #[serde(default, deserialize_with = "given")]
    pub validation_fraction: Option<At<Number>>,
    /// Where an S3-compatible storage answers that has the texts at `s3://`, as `http://127.0.0.1:9000`; Amazon's if absent.
    #[serde(default, deserialize_with = "given")]
    pub endpoint: Option<At<String>>,
    /// The region of their bucket; what `AWS_REGION` says, or `us-east-1`, if absent.
    #[serde(default, deserialize_with = "given")]
    pub region: Option<At<String>>,
    /// How text becomes tokens.
    #[serde(default = "default_tokenizer")]
    pub tokenizer: Tokenizer,
}

fn default_tokenizer() -> Tokenizer {
    Tokenizer::Bytes
}

/// Where a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPlace {
    /// In a file on this machine.
    File(PathBuf),
    /// In a bucket.
    Object(TextObject),
}

/// A text in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextObject {
    /// Its bucket.
    pub bucket: String,
    /// Its name there.
    pub key: String,
    /// Where the storage answers, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// The bucket's region.
    pub region: Option<String>,
}

impl TextObject {
    /// How people call it.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

impl DataEntry {
    fn texts(&self) -> impl Iterator<Item = &At<PathBuf>> {
        [&self.train, &self.validation, &self.text]
            .into_iter()
            .flatten()
    }

    /// A fault of a text, at the place where the sweep at `path` names it.
    pub(super) fn fault_of_text(
        &self,
        path: &Path,
        text: &Path,
        message: String,
        hint: &str,
    ) -> Fault {
        let named =
            |entry: &&At<PathBuf>| entry.value == text || beside(path, &entry.value) == text;
        match self.texts().find(named) {
            Some(entry) => entry.fault(message, hint),
            None => Fault::whole(message, hint),
        }
    }

    /// The texts that the sweep at `path` names; paths relative to its folder are made whole.
    pub(super) fn split(&self, path: &Path) -> Result<Split<TextPlace>, Fault> {
        self.check_bucket()?;
        let place = |text: &At<PathBuf>| self.text(path, text);
        match (&self.train, &self.validation, &self.text) {
            (Some(train), Some(validation), None) => match &self.validation_fraction {
                None => Ok(Split::Files {
                    train: place(train)?,
                    validation: place(validation)?,
                }),
                Some(fraction) => Err(fraction.fault(
                    "`validation_fraction` goes with `text`",
                    "remove it: `validation` is held out whole",
                )),
            },
            (None, None, Some(text)) => {
                let tenth = At::nowhere(Number(0.1));
                let fraction = self.validation_fraction.as_ref().unwrap_or(&tenth);
                let validation_fraction = fraction.within("`validation_fraction`", 0.001..=0.9)?;
                Ok(Split::Fraction {
                    text: place(text)?,
                    validation_fraction,
                })
            }
            _ => {
                let message = "`data` needs either `train` and `validation`, or `text` alone";
                let hint = "name both files, or one from which a part is held out";
                Err(match self.texts().next() {
                    Some(text) => text.fault(message, hint),
                    None => Fault::whole(message, hint),
                })
            }
        }
    }

    /// What is said of a bucket has texts in one.
    fn check_bucket(&self) -> Result<(), Fault> {
        let has_objects = self.texts().any(|text| scheme(&text.value).is_some());
        for (name, word) in [("endpoint", &self.endpoint), ("region", &self.region)] {
            if let Some(word) = word.as_ref().filter(|_| !has_objects) {
                let message = format!("`{name}` is for texts at `s3://`, and these are files");
                return Err(word.fault(
                    message,
                    format!("leave `{name}` out, or write `s3://bucket/name`"),
                ));
            }
        }
        address::endpoint(self.endpoint.as_ref())?;
        address::plain("`region`", self.region.as_ref(), "us-east-1")
    }

    fn text(&self, path: &Path, text: &At<PathBuf>) -> Result<TextPlace, Fault> {
        let Some((scheme, rest)) = scheme(&text.value) else {
            return Ok(TextPlace::File(beside(path, &text.value)));
        };
        let word = |word: &Option<At<String>>| word.as_ref().map(|word| word.value.clone());
        let object = object(rest).filter(|_| scheme == "s3");
        let Some((bucket, key)) = object else {
            let hidden = if rest.contains('@') { "...@" } else { "" };
            let shown = address::shown(rest);
            let message = format!(
                "`{scheme}://{hidden}{shown}` is no text: allowed are a path and `s3://bucket/name`"
            );
            let hint =
                "fetch it first and write the path of the file, or name an object in a bucket";
            return Err(text.fault(message, hint));
        };
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Ok(TextPlace::Object(TextObject {
            bucket,
            key,
            endpoint: word(&self.endpoint),
            region: word(&self.region),
        }))
    }
}

fn beside(sweep: &Path, text: &Path) -> PathBuf {
    sweep.parent().unwrap_or(Path::new("")).join(text)
}

/// An address's scheme and the rest, of what is no path.
fn scheme(text: &Path) -> Option<(&str, &str)> {
    let (scheme, rest) = text.to_str()?.split_once("://")?;
    (!scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .then_some((scheme, rest))
}

/// The bucket and the name of what stands behind `s3://`, if it is the address of an object.
fn object(rest: &str) -> Option<(&str, &str)> {
    let (bucket, key) = rest.split_once('/')?;
    let is_name = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control)
    };
    (address::is_plain(bucket) && key.split('/').all(is_name)).then_some((bucket, key))
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
