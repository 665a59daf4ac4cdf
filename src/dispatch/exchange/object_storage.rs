//! Objects of a storage, by name. An object appears complete, or not at all. Calls are retried
//! until there is a response, and an outage is reported once. Functions that end in `_once` do not
//! retry.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::debug;

use super::http::last_cause;
use super::interface::part;
use super::repeated_calls::RepeatedCalls;
use super::{ExchangeError, Note, StorageAddress, StorageError, dropped};

/// Bytes of a file that are read at a time. An object of more than a few pieces is sent in parts.
const PIECE: usize = 1 << 20;

/// Version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectVersion {
    /// Bytes.
    pub(super) size: u64,
    /// Entity tag (RFC 9110, section 8.8.3), if the storage sends one. It changes with the content.
    pub(super) mark: Option<String>,
}

/// Objects in a bucket, or in a folder.
#[derive(Clone, Debug)]
pub(crate) struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    pub(super) calls: Arc<RepeatedCalls>,
}

impl ObjectStorage {
    /// Opens the storage at an address. Sends no request yet.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn open(address: &StorageAddress, note: Note) -> Result<Self, StorageError> {
        let (store, prefix) = address.open()?;
        Ok(Self {
            store,
            prefix,
            calls: Arc::new(RepeatedCalls::new("the storage", note)),
        })
    }

    fn path(&self, name: &str) -> Path {
        // An invalid name is escaped. No object has the escaped name.
        let name = Path::parse(name).unwrap_or_else(|_| Path::from(name));
        self.prefix.parts().chain(name.parts()).collect()
    }

    /// Creates or replaces an object.
    pub(super) async fn put(
        &self,
        name: &str,
        bytes: impl Into<PutPayload>,
    ) -> Result<(), ExchangeError> {
        let bytes = bytes.into();
        self.calls
            .retry(|| self.put_once(name, bytes.clone()))
            .await
    }

    /// Creates or replaces an object, without retries.
    pub(super) async fn put_once(
        &self,
        name: &str,
        bytes: PutPayload,
    ) -> Result<(), ExchangeError> {
        let size = bytes.content_length();
        match self.store.put(&self.path(name), bytes).await {
            Err(Error::NotFound { .. }) => return Err(refused("no such bucket")),
            put => put?,
        };
        debug!(name, bytes = size, "object written");
        Ok(())
    }

    /// Creates or replaces an object that contains a value as JSON.
    pub(super) async fn put_json(
        &self,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), ExchangeError> {
        let bytes = serde_json::to_vec(value).map_err(io::Error::other)?;
        self.put(name, bytes).await
    }

    /// Creates an object unless it exists. Returns true if this call created it. After a lost
    /// response, it returns false although it created the object.
    pub(crate) async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool, ExchangeError> {
        let (path, bytes) = (self.path(name), PutPayload::from(bytes));
        let create = PutOptions::from(PutMode::Create);
        self.calls
            .retry(|| async {
                let put = self.store.put_opts(&path, bytes.clone(), create.clone());
                match put.await {
                    Ok(_) => Ok(true),
                    Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }

    /// Creates or replaces an object with the content of a file, of any size.
    pub(super) async fn put_file(&self, name: &str, file: &FilePath) -> Result<(), ExchangeError> {
        self.calls.retry(|| self.write(name, file)).await
    }

    /// Creates an object whose name contains the digest of a file. An existing object of the same
    /// size is correct and is kept.
    pub(super) async fn put_blob(&self, name: &str, file: &FilePath) -> Result<(), ExchangeError> {
        let size = file.metadata()?.len();
        self.calls
            .retry(|| async {
                match self.see_once(name).await? {
                    Some(seen) if seen.size == size => Ok(()),
                    _ => self.write(name, file).await,
                }
            })
            .await
    }

    async fn write(&self, name: &str, file: &FilePath) -> Result<(), ExchangeError> {
        let mut file = File::open(file).await?;
        let bytes = file.metadata().await?.len();
        let mut object = BufWriter::new(self.store.clone(), self.path(name));
        let mut piece = Vec::with_capacity(PIECE);
        while (&mut file)
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .await?
            > 0
        {
            if let Err(error) = object.put(std::mem::take(&mut piece).into()).await {
                // A failure costs only space.
                dropped(object.abort().await, "cannot abort an upload");
                return Err(error.into());
            }
        }
        object.shutdown().await.map_err(inner)?;
        debug!(name, bytes, "file uploaded");
        Ok(())
    }

    /// Reads an object. `None` if it does not exist.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ExchangeError> {
        self.calls.retry(|| self.get_once(name)).await
    }

    /// Reads an object, without retries.
    pub(super) async fn get_once(&self, name: &str) -> Result<Option<Vec<u8>>, ExchangeError> {
        let found = async { self.store.get(&self.path(name)).await?.bytes().await };
        let found = there(found.await.map(|bytes| bytes.to_vec()))?;
        let bytes = found.as_ref().map(Vec::len);
        debug!(name, bytes, "object read");
        Ok(found)
    }

    /// Reads a JSON object. `None` if it does not exist, an error if it is damaged.
    pub(crate) async fn get_json<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ExchangeError> {
        let bytes = self.get(name).await?;
        let value = bytes.map(|bytes| serde_json::from_slice(&bytes));
        value.transpose().map_err(|error| {
            refused(format!(
                "the object `{name}` in the storage is damaged: {error}"
            ))
        })
    }

    /// Appends the missing bytes of an object to a file.
    pub(super) async fn get_rest(&self, name: &str, part: &FilePath) -> Result<(), ExchangeError> {
        self.calls
            .retry(|| async {
                let seen = self.see_once(name).await?;
                let size = seen.ok_or(ExchangeError::Missing)?.size;
                self.add_rest(name, &ObjectVersion { size, mark: None }, part)
                    .await
            })
            .await
    }

    /// Appends the missing bytes of one version of an object to a file. Refused if the object has
    /// changed.
    pub(super) async fn get_rest_of(
        &self,
        name: &str,
        seen: &ObjectVersion,
        part: &FilePath,
    ) -> Result<(), ExchangeError> {
        self.calls.retry(|| self.add_rest(name, seen, part)).await
    }

    async fn add_rest(
        &self,
        name: &str,
        seen: &ObjectVersion,
        path: &FilePath,
    ) -> Result<(), ExchangeError> {
        let (mut file, mut from) = part(path).await?;
        if from > seen.size {
            file.set_len(0).await?;
            from = 0;
        }
        if from < seen.size {
            let rest = GetOptions {
                range: Some(GetRange::Offset(from)),
                if_match: seen.mark.clone(),
                ..GetOptions::default()
            };
            let object = self.store.get_opts(&self.path(name), rest).await?;
            let mut bytes = object.into_stream();
            while let Some(bytes) = bytes.next().await {
                file.write_all(&bytes?).await?;
            }
        }
        let bytes = seen.size;
        debug!(name, from, bytes, "file downloaded");
        Ok(file.sync_all().await?)
    }

    /// Reads the version of an object, without retries. `None` if it does not exist.
    pub(super) async fn see_once(
        &self,
        name: &str,
    ) -> Result<Option<ObjectVersion>, ExchangeError> {
        let found = self.store.head(&self.path(name)).await;
        there(found.map(|object| ObjectVersion {
            size: object.size,
            mark: object.e_tag,
        }))
    }

    /// Lists the objects under a prefix, by the last part of their names.
    pub(super) async fn list(&self, name: &str) -> Result<Vec<String>, ExchangeError> {
        let path = self.path(name);
        self.calls
            .retry(|| async {
                let objects = self.store.list(Some(&path));
                let last = objects
                    .map_ok(|object| object.location.filename().unwrap_or_default().to_owned());
                Ok(last.try_collect().await?)
            })
            .await
    }

    /// Removes an object. A missing object is not an error.
    pub(super) async fn remove(&self, name: &str) -> Result<(), ExchangeError> {
        let path = self.path(name);
        self.calls.retry(|| self.delete(&path)).await
    }

    /// Removes all objects under a prefix, `first` before the others, without retries.
    pub(super) async fn remove_all_once(
        &self,
        name: &str,
        first: &str,
    ) -> Result<(), ExchangeError> {
        self.delete(&self.path(first)).await?;
        let mut objects = self.store.list(Some(&self.path(name)));
        while let Some(object) = objects.try_next().await? {
            self.delete(&object.location).await?;
        }
        Ok(())
    }

    async fn delete(&self, path: &Path) -> Result<(), ExchangeError> {
        there(self.store.delete(path).await).map(drop)
    }
}

impl From<Error> for ExchangeError {
    fn from(error: Error) -> Self {
        let said = words(&error);
        match error {
            Error::NotFound { .. } => Self::Missing,
            Error::PermissionDenied { .. } => refused(format!("the storage denied access: {said}")),
            Error::Unauthenticated { .. } => {
                refused(format!("the storage rejected the credentials: {said}"))
            }
            Error::Precondition { .. } => refused("the object changed while it was fetched"),
            Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. } => refused(said),
            _ => Self::NoResponse(said),
        }
    }
}

/// Makes a refusal of the storage, with a hint.
pub(super) fn refused(error: impl ToString) -> ExchangeError {
    let hint = "check the bucket, and give the job the `AWS_` variables of an account that can read and write it";
    ExchangeError::refused(error, hint)
}

/// Converts a missing object to `None`.
fn there<T>(answer: Result<T, Error>) -> Result<Option<T>, ExchangeError> {
    match answer {
        Err(Error::NotFound { .. }) => Ok(None),
        answer => Ok(Some(answer?)),
    }
}

/// Message of an error, on one line: its last cause. Earlier causes repeat the address.
fn words(error: &Error) -> String {
    let said = last_cause(error);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Unwraps a storage error from an I/O error.
fn inner(error: io::Error) -> ExchangeError {
    match error.downcast::<Error>() {
        Ok(error) => error.into(),
        Err(error) => ExchangeError::NoResponse(error.to_string()),
    }
}
