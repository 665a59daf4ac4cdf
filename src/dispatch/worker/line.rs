//! How an attempt's other side is reached: its coordinator itself, or the storage in which both leave things for each other.

use std::path::Path;
use std::sync::Arc;

use crate::exchange::{Bucket, CallError, Client};
use crate::protocol::{Beat, BeatAnswer, CheckpointFile, Digest, End, EndAnswer, Held, Place};

/// How an attempt's other side is reached. What does not answer is called until it does.
pub(super) enum Line {
    Coordinator(Arc<Client>),
    Storage(Box<Bucket>),
}

impl Line {
    /// Tells what is new, and hears what is wanted.
    pub(super) async fn beat(&self, beat: &Beat) -> Result<BeatAnswer, CallError> {
        match self {
            Self::Coordinator(client) => client.beat(beat).await,
            Self::Storage(bucket) => bucket.beat(beat).await,
        }
    }

    /// Delivers an attempt that is over.
    pub(super) async fn end(&self, end: &End) -> Result<EndAnswer, CallError> {
        match self {
            Self::Coordinator(client) => client.end(end).await,
            Self::Storage(bucket) => bucket.end(end).await,
        }
    }

    /// Adds to a file what is missing of the bytes of a digest.
    pub(super) async fn rest(&self, digest: &Digest, part: &Path) -> Result<(), CallError> {
        match self {
            Self::Coordinator(client) => client.persist(|| client.rest(digest, part)).await,
            Self::Storage(bucket) => bucket.rest(digest, part).await,
        }
    }

    /// Delivers a file of a checkpoint: tensors first, and with the manifest it is whole.
    pub(super) async fn deliver(
        &self,
        held: &Held,
        part: (Place, u64, CheckpointFile),
        file: &Path,
    ) -> Result<(), CallError> {
        match self {
            Self::Coordinator(client) => client.deliver(held, part, file).await,
            Self::Storage(bucket) => bucket.deliver(part, file).await,
        }
    }
}
