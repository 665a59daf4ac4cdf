//! Names in requests. They become parts of paths, so each must match its form exactly.

use std::fmt;

use serde::{Deserialize, Serialize};

use isoflop_core::run::{CheckpointsDir, Launch, RunDir, RunId, RunSpec};

/// A text that does not match the form of its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid name {found:?}: expected {expected}")]
pub struct InvalidName {
    found: String,
    expected: &'static str,
}

impl InvalidName {
    fn new(found: impl ToString, expected: &'static str) -> Self {
        let found = found.to_string();
        Self { found, expected }
    }
}

/// Reports whether a text consists of lowercase hexadecimal digits, and their number is in
/// `digits`.
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

    /// Computes the digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidName;
    fn try_from(word: String) -> Result<Self, InvalidName> {
        if is_hex(&word, 64..=64) {
            Ok(Self(word))
        } else {
            Err(InvalidName::new(word, "a digest of 64 hexadecimal digits"))
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

/// The key of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedKey")]
pub struct AttemptKey {
    /// The run.
    pub run: RunId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Its fencing token: hexadecimal digits, and one dash.
    pub fence: String,
}

/// A key as received, before validation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedKey {
    run: RunId,
    attempt: u32,
    fence: String,
}

impl TryFrom<UncheckedKey> for AttemptKey {
    type Error = InvalidName;
    fn try_from(it: UncheckedKey) -> Result<Self, InvalidName> {
        Self::new(it.run, it.attempt, it.fence)
    }
}

impl AttemptKey {
    fn new(run: RunId, attempt: u32, fence: String) -> Result<Self, InvalidName> {
        if !is_hex(run.as_str(), 16..=16) {
            return Err(InvalidName::new(
                run,
                "a run identity of 16 hexadecimal digits",
            ));
        }
        if !is_hex(&fence.replacen('-', "", 1), 1..=48) {
            let wanted = "a fencing token of hexadecimal digits with one dash";
            return Err(InvalidName::new(fence, wanted));
        }
        Ok(Self {
            run,
            attempt,
            fence,
        })
    }
}

impl From<&Launch> for AttemptKey {
    fn from(launch: &Launch) -> Self {
        Self {
            run: launch.run.clone(),
            attempt: launch.attempt,
            fence: launch.fence.clone(),
        }
    }
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}, attempt {}", self.run, self.attempt)
    }
}

/// The kind of a run's checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckpointKind {
    /// The checkpoint from which a stopped run continues.
    Run,
    /// The trunk, from which a run with a larger budget continues.
    Trunk,
}

impl CheckpointKind {
    /// The folder of these checkpoints in a run's folder.
    pub fn of(self, run: &RunDir) -> CheckpointsDir {
        match self {
            Self::Run => run.checkpoints(),
            Self::Trunk => run.trunk(),
        }
    }

    /// The identity in these checkpoints: the run's, or its trunk's, if it has one.
    pub fn owner(self, run: &RunId, spec: &RunSpec) -> Option<RunId> {
        match self {
            Self::Run => Some(run.clone()),
            Self::Trunk => spec.trunk().map(|trunk| trunk.id),
        }
    }
}

impl fmt::Display for CheckpointKind {
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
    /// Parameters and the optimizer's state; delivered first.
    Tensors,
    /// The digest of the tensors and the run's progress; its delivery completes the checkpoint.
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

/// The address of a delivered file of a checkpoint, from the request's path.
#[derive(Debug, Deserialize)]
pub struct CheckpointAddress {
    run: RunId,
    attempt: u32,
    fence: String,
    /// The kind of the checkpoint.
    pub place: CheckpointKind,
    /// Steps done.
    pub step: u64,
    /// The file of the checkpoint.
    pub file: CheckpointFile,
}

impl CheckpointAddress {
    /// The attempt that delivers the file.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn held(&self) -> Result<AttemptKey, InvalidName> {
        AttemptKey::new(self.run.clone(), self.attempt, self.fence.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_their_form_or_none() {
        let held = |run: &str, fence: &str| {
            let json = serde_json::json!({ "run": run, "attempt": 1, "fence": fence });
            serde_json::from_value::<AttemptKey>(json)
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
