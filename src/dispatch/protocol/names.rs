//! Names that come over the wire. They become parts of paths: what is not exactly of its form is no name.

use std::fmt;

use serde::{Deserialize, Serialize};

use isoflop_core::run::{CheckpointsDir, Launch, RunDir, RunId, RunSpec};

/// A word that is not of the form that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {wanted}")]
pub struct BadName {
    found: String,
    wanted: &'static str,
}

impl BadName {
    fn new(found: impl ToString, wanted: &'static str) -> Self {
        let found = found.to_string();
        Self { found, wanted }
    }
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
            Err(BadName::new(word, "a digest: 64 hexadecimal digits"))
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

/// What may be the name of an attempt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    run: RunId,
    attempt: u32,
    fence: String,
}

impl TryFrom<Unchecked> for Held {
    type Error = BadName;
    fn try_from(it: Unchecked) -> Result<Self, BadName> {
        Self::new(it.run, it.attempt, it.fence)
    }
}

impl Held {
    fn new(run: RunId, attempt: u32, fence: String) -> Result<Self, BadName> {
        if !is_hex(run.as_str(), 16..=16) {
            return Err(BadName::new(run, "a run: 16 hexadecimal digits"));
        }
        if !is_hex(&fence.replacen('-', "", 1), 1..=48) {
            let wanted = "a fencing token: hexadecimal digits, and one dash";
            return Err(BadName::new(fence, wanted));
        }
        Ok(Self {
            run,
            attempt,
            fence,
        })
    }
}

impl From<&Launch> for Held {
    fn from(launch: &Launch) -> Self {
        Self {
            run: launch.run.clone(),
            attempt: launch.attempt,
            fence: launch.fence.clone(),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}, attempt {}", self.run, self.attempt)
    }
}

/// Which of a run's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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

    /// Whose checkpoints lie there: the run's, or its trunk's, if it has one.
    pub fn owner(self, run: &RunId, spec: &RunSpec) -> Option<RunId> {
        match self {
            Self::Run => Some(run.clone()),
            Self::Trunk => spec.trunk().map(|trunk| trunk.id),
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

/// A file of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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

/// Where a file of a checkpoint is put, as its address on the wire says.
#[derive(Debug, Deserialize)]
pub struct CheckpointAddress {
    run: RunId,
    attempt: u32,
    fence: String,
    /// Which of the run's checkpoints it is.
    pub place: Place,
    /// Steps done.
    pub step: u64,
    /// Which file of it.
    pub file: CheckpointFile,
}

impl CheckpointAddress {
    /// The attempt that brings it.
    ///
    /// # Errors
    /// [`BadName`].
    pub fn held(&self) -> Result<Held, BadName> {
        Held::new(self.run.clone(), self.attempt, self.fence.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_their_form_or_none() {
        let held = |run: &str, fence: &str| {
            let json = serde_json::json!({ "run": run, "attempt": 1, "fence": fence });
            serde_json::from_value::<Held>(json)
        };
        let run = "0123456789abcdef";
        assert!(held(run, "7f-1").is_ok());
        for (run, fence) in [
            ("../../../etc/pass", "7f-1"),
            ("0123456789ABCDEF", "7f-1"),
            ("0123456789abcde", "7f-1"),
            (run, ""),
            (run, ".."),
            (run, "7f/7f"),
        ] {
            assert!(held(run, fence).is_err(), "{run} {fence}");
        }
        assert!(serde_json::from_value::<Digest>("..".into()).is_err());
        assert!(serde_json::from_value::<Digest>(Digest::of(b"").as_str().into()).is_ok());
    }
}
