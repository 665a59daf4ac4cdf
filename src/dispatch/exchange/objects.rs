//! Objects by their names: whole ones appear at once or not at all.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::address::StorageAddress;
use super::calls::{CallFailure, Calls, Note};

/// Bytes of a file that are read at a time; an object that is larger than a few of these is sent in parts.
const PIECE: usize = 1 << 20;

/// Why a storage did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It was not answered: another call may be.
    #[error("{0}")]
    Unanswered(String),
    /// There is no such object, or no such bucket.
    #[error("there is no such object, or no such bucket")]
    Missing,
    /// It would be refused again.
    #[error("{0}")]
    Refused(String),
    /// This machine does not let it be done.
    #[error("{0}")]
    Here(#[from] io::Error),
}

impl CallFailure for StorageError {
    fn unanswered(self) -> Result<String, Self> {
        match self {
            Self::Unanswered(reason) => Ok(reason),
            other => Err(other),
        }
    }
}

impl From<Error> for StorageError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::Missing,
            Error::PermissionDenied { .. } => Self::Refused(format!(
                "the storage lets us not do that: {}",
                words(&error)
            )),
            Error::Unauthenticated { .. } => {
                Self::Refused(format!("the storage does not know us: {}", words(&error)))
            }
            Error::Precondition { .. } => {
                Self::Refused("it was changed while it was fetched".to_owned())
            }
            Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. } => Self::Refused(words(&error)),
            _ => Self::Unanswered(words(&error)),
        }
    }
}

/// What went wrong, on one line: the last cause says it, those before it repeat the address.
fn words(error: &Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// What an object is at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Bytes.
    pub(crate) size: u64,
    /// Another where its content is (an entity tag, RFC 9110, section 8.8.3), if the storage gives one.
    pub(crate) mark: Option<String>,
}

/// Objects in a bucket, or in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    calls: Arc<Calls>,
}

impl Objects {
    /// What lies at an address, which is not asked yet.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn open(address: &StorageAddress, note: Note) -> Result<Self, String> {
        let (store, prefix) = address.open()?;
        Ok(Self {
            store,
            prefix,
            calls: Arc::new(Calls::new("the storage", note)),
        })
    }

    /// Calls until there is an answer, and says once that there is none.
    pub(crate) async fn persist<T, F>(&self, call: impl FnMut() -> F) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, StorageError>>,
    {
        self.calls.persist(call).await
    }

    /// Why the last call of those that persist has no answer, if it has none.
    pub(crate) fn silence(&self) -> Option<String> {
        self.calls.silence()
    }

    fn path(&self, name: &str) -> Path {
        // A name that cannot be asked for as it is written is asked for in its nearest form, which is not there.
        let name = Path::parse(name).unwrap_or_else(|_| Path::from(name));
        self.prefix.parts().chain(name.parts()).collect()
    }

    /// Makes or replaces an object.
    pub(crate) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        Ok(self
            .store
            .put(&self.path(name), bytes.into())
            .await
            .map(drop)?)
    }

    /// Makes an object that nobody has made before; says whether it did.
    pub(crate) async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool, StorageError> {
        match self
            .store
            .put_opts(&self.path(name), bytes.into(), PutMode::Create.into())
            .await
        {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes or replaces an object by a file, of any size.
    pub(crate) async fn put_file(&self, name: &str, file: &FilePath) -> Result<(), StorageError> {
        let mut file = File::open(file).await?;
        let mut object = BufWriter::new(self.store.clone(), self.path(name));
        let mut piece = Vec::with_capacity(PIECE);
        while (&mut file)
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .await?
            > 0
        {
            if let Err(error) = object.put(std::mem::take(&mut piece).into()).await {
                // What cannot be taken back costs only space.
                let _ = object.abort().await;
                return Err(error.into());
            }
        }
        object.shutdown().await.map_err(inner)
    }

    /// An object; nothing if it is not there.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        let found = async { self.store.get(&self.path(name)).await?.bytes().await };
        match found.await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds to a file what is missing of an object.
    pub(crate) async fn get_rest(&self, name: &str, part: &FilePath) -> Result<(), StorageError> {
        let size = self.store.head(&self.path(name)).await?.size;
        self.get_rest_of(name, &Seen { size, mark: None }, part)
            .await
    }

    /// The same of an object as it was seen; refused if it is another by now.
    pub(crate) async fn get_rest_of(
        &self,
        name: &str,
        seen: &Seen,
        part: &FilePath,
    ) -> Result<(), StorageError> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(part)
            .await?;
        let mut from = file.metadata().await?.len();
        if from > seen.size {
            file.set_len(0).await?;
            from = 0;
        }
        if from < seen.size {
            let range = Some(GetRange::Offset(from));
            let rest = GetOptions {
                range,
                if_match: seen.mark.clone(),
                ..GetOptions::default()
            };
            let mut bytes = self
                .store
                .get_opts(&self.path(name), rest)
                .await?
                .into_stream();
            while let Some(bytes) = bytes.next().await {
                file.write_all(&bytes?).await?;
            }
        }
        Ok(file.sync_all().await?)
    }

    /// The size of an object; nothing if it is not there.
    pub(crate) async fn size(&self, name: &str) -> Result<Option<u64>, StorageError> {
        Ok(self.see(name).await?.map(|seen| seen.size))
    }

    /// An object as it is; nothing if it is not there.
    pub(crate) async fn see(&self, name: &str) -> Result<Option<Seen>, StorageError> {
        match self.store.head(&self.path(name)).await {
            Ok(object) => Ok(Some(Seen {
                size: object.size,
                mark: object.e_tag,
            })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The last parts of the names that begin with a name and a slash.
    pub(crate) async fn list(&self, name: &str) -> Result<Vec<String>, StorageError> {
        let objects = self.store.list(Some(&self.path(name)));
        let last =
            objects.map_ok(|object| object.location.filename().unwrap_or_default().to_owned());
        Ok(last.try_collect().await?)
    }

    /// Removes an object; one that is not there is removed.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), StorageError> {
        removed(self.store.delete(&self.path(name)).await)
    }

    /// Removes all objects whose names begin with a name and a slash, `first` before the others.
    pub(crate) async fn remove_all(&self, name: &str, first: &str) -> Result<(), StorageError> {
        self.remove(first).await?;
        let mut objects = self.store.list(Some(&self.path(name)));
        while let Some(object) = objects.try_next().await? {
            removed(self.store.delete(&object.location).await)?;
        }
        Ok(())
    }
}

fn removed(answer: Result<(), Error>) -> Result<(), StorageError> {
    match answer {
        Err(Error::NotFound { .. }) => Ok(()),
        answer => Ok(answer?),
    }
}

/// An error of the storage that came as one of a file.
fn inner(error: io::Error) -> StorageError {
    match error.downcast::<Error>() {
        Ok(error) => error.into(),
        Err(error) => StorageError::Unanswered(error.to_string()),
    }
}
