//! Names that come over the wire. They become parts of paths: what is not exactly of its form is no name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use isoflop_core::run::{CheckpointsDir, RunDir, RunId};

/// A word that is not of the form that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {wanted}")]
pub struct BadName {
    found: String,
    wanted: &'static str,
}

/// Whether a word consists of so many lower hexadecimal digits.
fn is_hex(word: &str, digits: std::ops::RangeInclusive<usize>) -> bool {
    digits.contains(&word.len())
        && word
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A BLAKE3 digest, 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }
}

impl TryFrom<String> for Digest {
    type Error = BadName;
    fn try_from(word: String) -> Result<Self, BadName> {
        if is_hex(&word, 64..=64) {
            Ok(Self(word))
        } else {
            Err(BadName {
                found: word,
                wanted: "a digest: 64 hexadecimal digits",
            })
        }
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An attempt, as the one who holds it names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Held {
    /// The run.
    pub run: RunId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Its fencing token: hexadecimal digits, and one dash.
    pub fence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    run: RunId,
    attempt: u32,
    fence: String,
}

impl TryFrom<Unchecked> for Held {
    type Error = BadName;
    fn try_from(
        Unchecked {
            run,
            attempt,
            fence,
        }: Unchecked,
    ) -> Result<Self, BadName> {
        if !is_hex(run.as_str(), 16..=16) {
            return Err(BadName {
                found: run.to_string(),
                wanted: "a run: 16 hexadecimal digits",
            });
        }
        if !is_hex(&fence.replacen('-', "", 1), 1..=48) {
            return Err(BadName {
                found: fence,
                wanted: "a fencing token: hexadecimal digits, and one dash",
            });
        }
        Ok(Self {
            run,
            attempt,
            fence,
        })
    }
}

impl Held {
    /// An attempt by the words of an address.
    ///
    /// # Errors
    /// [`BadName`].
    pub fn parse(run: &str, attempt: &str, fence: &str) -> Result<Self, BadName> {
        let bad = |found: &str, wanted| BadName {
            found: found.to_owned(),
            wanted,
        };
        let run = serde_json::from_value(run.into())
            .map_err(|_| bad(run, "a run: 16 hexadecimal digits"))?;
        let attempt = attempt
            .parse()
            .map_err(|_| bad(attempt, "the number of an attempt"))?;
        Unchecked {
            run,
            attempt,
            fence: fence.to_owned(),
        }
        .try_into()
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}, attempt {}", self.run, self.attempt)
    }
}

/// Which of a run's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where a stopped run goes on.
    Run,
    /// Where a run with a larger budget goes on.
    Trunk,
}

impl Place {
    /// The folder in a run's.
    pub fn of(self, run: &RunDir) -> CheckpointsDir {
        match self {
            Self::Run => run.checkpoints(),
            Self::Trunk => run.trunk(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Run => "run",
            Self::Trunk => "trunk",
        })
    }
}

impl FromStr for Place {
    type Err = BadName;
    fn from_str(word: &str) -> Result<Self, BadName> {
        [Self::Run, Self::Trunk]
            .into_iter()
            .find(|place| place.to_string() == word)
            .ok_or_else(|| BadName {
                found: word.to_owned(),
                wanted: "`run` or `trunk`",
            })
    }
}

/// A file of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointFile {
    /// Parameters and the optimizer's state: delivered first.
    Tensors,
    /// What names them: with it, the checkpoint is whole.
    Manifest,
}

impl fmt::Display for CheckpointFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tensors => "tensors",
            Self::Manifest => "manifest",
        })
    }
}

impl FromStr for CheckpointFile {
    type Err = BadName;
    fn from_str(word: &str) -> Result<Self, BadName> {
        [Self::Tensors, Self::Manifest]
            .into_iter()
            .find(|file| file.to_string() == word)
            .ok_or_else(|| BadName {
                found: word.to_owned(),
                wanted: "`tensors` or `manifest`",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_their_form_or_none() {
        let run = "0123456789abcdef";
        assert!(Held::parse(run, "1", "7f-1").is_ok());
        for (run, attempt, fence) in [
            ("../../../etc/pass", "1", "7f-1"),
            ("0123456789ABCDEF", "1", "7f-1"),
            ("0123456789abcde", "1", "7f-1"),
            (run, "-1", "7f-1"),
            (run, "1/..", "7f-1"),
            (run, "1", ""),
            (run, "1", ".."),
            (run, "1", "7f/7f"),
        ] {
            assert!(
                Held::parse(run, attempt, fence).is_err(),
                "{run} {attempt} {fence}"
            );
        }
        let json = |run: &str| serde_json::json!({ "run": run, "attempt": 1, "fence": "7f-1" });
        assert!(serde_json::from_value::<Held>(json(run)).is_ok());
        assert!(serde_json::from_value::<Held>(json("../../../etc/pass")).is_err());
        assert!(serde_json::from_value::<Digest>("..".into()).is_err());
        assert!(serde_json::from_value::<Digest>(Digest::of(b"").as_str().into()).is_ok());
        assert!("trunk".parse::<Place>().is_ok() && "..".parse::<Place>().is_err());
        assert!(
            "manifest".parse::<CheckpointFile>().is_ok()
                && "launch".parse::<CheckpointFile>().is_err()
        );
    }
}
