//! Interface of an exchange, for the machine that executes an attempt.

use std::io;
use std::path::Path;

use tokio::fs::File;

use super::ExchangeError;
use crate::protocol::{
    AttemptKey, CheckpointFile, CheckpointKind, Digest, EndRequest, EndResponse, Heartbeat,
    HeartbeatResponse,
};

/// Opens a partially fetched file for appending. Returns it with its length, bytes.
pub(super) async fn part(path: &Path) -> io::Result<(File, u64)> {
    let file = File::options().create(true).append(true).open(path).await?;
    let length = file.metadata().await?.len();
    Ok((file, length))
}

/// Exchange of an attempt's files with its coordinator. Calls are retried until there is a
/// response.
pub(crate) trait AttemptExchange: Send + Sync + 'static {
    /// Appends the missing bytes of a blob to a file.
    fn get(
        &self,
        digest: &Digest,
        part: &Path,
    ) -> impl Future<Output = Result<(), ExchangeError>> + Send;

    /// Appends events at the coordinator. Returns the coordinator's order.
    fn append(
        &self,
        beat: &Heartbeat,
    ) -> impl Future<Output = Result<HeartbeatResponse, ExchangeError>> + Send;

    /// Delivers a file of a checkpoint. The manifest comes after the tensors, and completes it.
    fn put(
        &self,
        held: &AttemptKey,
        part: (CheckpointKind, u64, CheckpointFile),
        file: &Path,
    ) -> impl Future<Output = Result<(), ExchangeError>> + Send;

    /// Reports the end of the attempt. This is the last call.
    fn end(
        &self,
        end: &EndRequest,
    ) -> impl Future<Output = Result<EndResponse, ExchangeError>> + Send;
}
