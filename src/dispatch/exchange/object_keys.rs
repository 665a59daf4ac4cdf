//! Names of objects in a storage. No other module makes names.

use serde::{Deserialize, Serialize};

use crate::protocol::{Assignment, AttemptKey, CheckpointFile, CheckpointKind, Digest, version};

/// Unique tag of an attempt: letters, digits and dashes, at most 63. No tag is used twice.
pub(crate) fn tag_of(held: &AttemptKey) -> String {
    format!("isoflop-{}-{}-{}", held.run, held.attempt, held.fence)
}

/// Names of the objects of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectKeys(String);

impl ObjectKeys {
    pub(crate) fn of(tag: &str) -> Self {
        Self(format!("attempts/{tag}"))
    }

    /// Prefix of all names.
    pub(crate) fn root(&self) -> &str {
        &self.0
    }

    /// The assignment, a [`JobAssignment`]. The coordinator writes it last.
    pub(crate) fn assignment(&self) -> String {
        format!("{}/offer.json", self.0)
    }

    /// The coordinator's order, an [`crate::protocol::AttemptOrder`]. If it is missing, the attempt
    /// is no longer needed.
    pub(crate) fn order(&self) -> String {
        format!("{}/order.json", self.0)
    }

    /// A file that the attempt needs: text, which attempts share, or a file of the checkpoint to
    /// resume from.
    pub(crate) fn input(&self, digest: &Digest, text: [&Digest; 2]) -> String {
        match text.contains(&digest) {
            true => format!("blobs/{digest}"),
            false => format!("{}/given/{digest}", self.0),
        }
    }

    /// The claim of the job that executes the attempt. It is created once.
    pub(crate) fn claim(&self) -> String {
        format!("{}/claim.json", self.0)
    }

    /// The progress of the job, a [`JobProgress`].
    pub(crate) fn progress(&self) -> String {
        format!("{}/told.json", self.0)
    }

    /// Prefix of the chunks of events that begin at byte `from`.
    pub(crate) fn events(&self, from: u64) -> String {
        format!("{}/events/{from}", self.0)
    }

    /// Chunk of events from byte `from` to byte `to`.
    pub(crate) fn chunk(&self, from: u64, to: u64) -> String {
        format!("{}/events/{from}/{to}", self.0)
    }

    /// A file of a checkpoint that the job delivers.
    pub(crate) fn checkpoint(
        &self,
        place: CheckpointKind,
        step: u64,
        file: CheckpointFile,
    ) -> String {
        format!("{}/brought/{place}/{step}/{file}", self.0)
    }

    /// The end of the attempt, an [`crate::protocol::EndRequest`]. The job writes it last.
    pub(crate) fn end(&self) -> String {
        format!("{}/end.json", self.0)
    }
}

/// Assignment of a job, with the coordinator's protocol version.
#[derive(Serialize, Deserialize)]
pub(crate) struct JobAssignment {
    /// Protocol version, which must be the same on both sides.
    pub(crate) version: String,
    /// An [`Assignment`], parsed only after the versions are compared.
    pub(crate) offer: serde_json::Value,
}

impl JobAssignment {
    pub(crate) fn new(offer: &Assignment) -> serde_json::Result<Self> {
        Ok(Self {
            version: version(),
            offer: serde_json::to_value(offer)?,
        })
    }
}

/// Progress of a job: the results that can be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobProgress {
    /// True if its trainer was started.
    pub(crate) began: bool,
    /// Bytes of events in the storage.
    pub(crate) events: u64,
    /// Step of the latest checkpoint in the storage.
    pub(crate) run: Option<u64>,
    /// Step of the trunk's checkpoint in the storage.
    pub(crate) trunk: Option<u64>,
}
