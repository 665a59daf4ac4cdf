//! What lies where: the names of objects have one author.

use serde::{Deserialize, Serialize};

use crate::protocol::{CheckpointFile, Digest, Held, Offer, Place, version};

/// The tag of an attempt: no two have the same, and none is used twice. Letters, digits and dashes, at most 63.
pub(crate) fn tag_of(held: &Held) -> String {
    format!("isoflop-{}-{}-{}", held.run, held.attempt, held.fence)
}

/// The objects of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shelf(String);

impl Shelf {
    pub(crate) fn of(tag: &str) -> Self {
        Self(format!("attempts/{tag}"))
    }

    /// What all names begin with.
    pub(crate) fn root(&self) -> &str {
        &self.0
    }

    /// What to train: written last by the coordinator. A [`Given`].
    pub(crate) fn offer(&self) -> String {
        format!("{}/offer.json", self.0)
    }

    /// What the coordinator wants; if it is gone, nobody wants the attempt. An [`crate::protocol::Order`].
    pub(crate) fn order(&self) -> String {
        format!("{}/order.json", self.0)
    }

    /// A file that it needs: text, which many attempts need, or of the checkpoint that it goes on from.
    pub(crate) fn given(&self, digest: &Digest, text: [&Digest; 2]) -> String {
        match text.contains(&digest) {
            true => format!("blobs/{digest}"),
            false => format!("{}/given/{digest}", self.0),
        }
    }

    /// Who executes it: made once.
    pub(crate) fn claim(&self) -> String {
        format!("{}/claim.json", self.0)
    }

    /// How far it is. A [`Told`].
    pub(crate) fn told(&self) -> String {
        format!("{}/told.json", self.0)
    }

    /// Events that begin after so many bytes.
    pub(crate) fn events(&self, from: u64) -> String {
        format!("{}/events/{from}", self.0)
    }

    /// The same, up to a byte.
    pub(crate) fn chunk(&self, from: u64, to: u64) -> String {
        format!("{}/events/{from}/{to}", self.0)
    }

    /// A part of a checkpoint that it brings.
    pub(crate) fn checkpoint(&self, place: Place, step: u64, file: CheckpointFile) -> String {
        format!("{}/brought/{place}/{step}/{file}", self.0)
    }

    /// How it ended, and what it brought: written last by the job. An [`crate::protocol::End`].
    pub(crate) fn end(&self) -> String {
        format!("{}/end.json", self.0)
    }
}

/// What a job is given.
#[derive(Serialize, Deserialize)]
pub(crate) struct Given {
    /// What both sides must have in common.
    pub(crate) version: String,
    /// An [`Offer`], read once the versions are known to be the same.
    pub(crate) offer: serde_json::Value,
}

impl Given {
    pub(crate) fn new(offer: &Offer) -> serde_json::Result<Self> {
        Ok(Self {
            version: version(),
            offer: serde_json::to_value(offer)?,
        })
    }
}

/// How far a job is: what of it can be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    /// Whether its trainer was started.
    pub(crate) began: bool,
    /// Bytes of events that are there.
    pub(crate) events: u64,
    /// Steps of the latest checkpoint that is there.
    pub(crate) run: Option<u64>,
    /// The same of the trunk's end.
    pub(crate) trunk: Option<u64>,
}
