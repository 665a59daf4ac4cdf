//! What the executing side of an attempt knows of the other, and how much of a file that it fetches is there.

use std::io;
use std::path::Path;

use tokio::fs::File;

use super::ExchangeError;
use crate::protocol::{Beat, BeatAnswer, CheckpointFile, Digest, End, EndAnswer, Held, Place};

/// A file that is fetched, to which more is added, and how many bytes of it are here.
pub(super) async fn part(path: &Path) -> io::Result<(File, u64)> {
    let file = File::options().create(true).append(true).open(path).await?;
    let length = file.metadata().await?.len();
    Ok((file, length))
}

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
