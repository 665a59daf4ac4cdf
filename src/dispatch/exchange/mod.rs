//! An attempt's exchange between coordinator and whoever executes it: what it needs goes there, what it brings comes back. Three ways:
//! a folder that both see, HTTPS from a worker to its coordinator, a bucket between a coordinator and its jobs.

mod address;
mod arrival;
mod bucket;
mod calls;
mod client;
mod depot;
mod error;
pub(crate) mod http;
mod objects;
mod offer;
mod pin;
mod shelf;
mod text;
mod token;

pub use address::StorageAddress;
pub(crate) use arrival::{Arrival, append, deliver, note};
pub(crate) use bucket::Bucket;
pub use calls::Note;
pub(crate) use client::Client;
pub use client::{Address, AddressError};
pub use depot::{Depot, DepotTerms};
pub use error::ExchangeError;
pub(crate) use objects::Objects;
pub(crate) use offer::{Blobs, Terms, held, offer};
pub(crate) use shelf::{Given, Shelf, tag_of};
pub use text::{Bringing, bring_text};
pub use token::{Token, TokenError};

use std::path::Path;

use crate::protocol::{Beat, BeatAnswer, CheckpointFile, Digest, End, EndAnswer, Held, Place};

/// The other side of an attempt, for who executes it on files of its own. What does not answer is called until it does.
pub(crate) trait Exchange: Send + Sync + 'static {
    /// Adds to a file what is missing of the bytes of a digest.
    fn get(
        &self,
        digest: &Digest,
        part: &Path,
    ) -> impl Future<Output = Result<(), ExchangeError>> + Send;

    /// Appends to the events that are there, and hears what is wanted.
    fn append(&self, beat: &Beat)
    -> impl Future<Output = Result<BeatAnswer, ExchangeError>> + Send;

    /// Puts a file of a checkpoint there: tensors first, and with the manifest it is whole.
    fn put(
        &self,
        held: &Held,
        part: (Place, u64, CheckpointFile),
        file: &Path,
    ) -> impl Future<Output = Result<(), ExchangeError>> + Send;

    /// Says that the attempt is over, after all else.
    fn end(&self, end: &End) -> impl Future<Output = Result<EndAnswer, ExchangeError>> + Send;
}
