//! Objects by their names: whole ones appear at once or not at all. What does not answer is called until it does, and that is said
//! once; only what says so asks once.

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

use super::calls::Calls;
use super::http::last_cause;
use super::interface::part;
use super::{ExchangeError, Note, StorageAddress, StorageError, dropped};

/// Bytes of a file that are read at a time; an object that is larger than a few of these is sent in parts.
const PIECE: usize = 1 << 20;

/// What an object is at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Bytes.
    pub(super) size: u64,
    /// Another where its content is (an entity tag, RFC 9110, section 8.8.3), if the storage gives one.
    pub(super) mark: Option<String>,
}

/// Objects in a bucket, or in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    pub(super) calls: Arc<Calls>,
}

impl Objects {
    /// What lies at an address, which is not asked yet.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn open(address: &StorageAddress, note: Note) -> Result<Self, StorageError> {
        let (store, prefix) = address.open()?;
        Ok(Self {
            store,
            prefix,
            calls: Arc::new(Calls::new("the storage", note)),
        })
    }

    fn path(&self, name: &str) -> Path {
        // A name that cannot be asked for as it is written is asked for in its nearest form, which is not there.
        let name = Path::parse(name).unwrap_or_else(|_| Path::from(name));
        self.prefix.parts().chain(name.parts()).collect()
    }

    /// Makes or replaces an object.
    pub(super) async fn put(
        &self,
        name: &str,
        bytes: impl Into<PutPayload>,
    ) -> Result<(), ExchangeError> {
        let bytes = bytes.into();
        self.calls
            .persist(|| self.put_once(name, bytes.clone()))
            .await
    }

    /// The same, asked once.
    pub(super) async fn put_once(
        &self,
        name: &str,
        bytes: PutPayload,
    ) -> Result<(), ExchangeError> {
        let size = bytes.content_length();
        match self.store.put(&self.path(name), bytes).await {
            Err(Error::NotFound { .. }) => return Err(refused("there is no such bucket")),
            put => put?,
        };
        debug!(name, bytes = size, "put into the storage");
        Ok(())
    }

    /// The same, of a value as JSON.
    pub(super) async fn put_json(
        &self,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), ExchangeError> {
        let bytes = serde_json::to_vec(value).map_err(io::Error::other)?;
        self.put(name, bytes).await
    }

    /// Makes an object that is not there; says whether it did. After a lost answer it may be there, and ours.
    pub(crate) async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool, ExchangeError> {
        let (path, bytes) = (self.path(name), PutPayload::from(bytes));
        let create = PutOptions::from(PutMode::Create);
        self.calls
            .persist(|| async {
                let put = self.store.put_opts(&path, bytes.clone(), create.clone());
                match put.await {
                    Ok(_) => Ok(true),
                    Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            })
            .await
    }

    /// Makes or replaces an object by a file, of any size.
    pub(super) async fn put_file(&self, name: &str, file: &FilePath) -> Result<(), ExchangeError> {
        self.calls.persist(|| self.write(name, file)).await
    }

    /// Makes an object whose name is the digest of a file: where one of its size is there, it is right.
    pub(super) async fn put_blob(&self, name: &str, file: &FilePath) -> Result<(), ExchangeError> {
        let size = file.metadata()?.len();
        self.calls
            .persist(|| async {
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
                // What cannot be taken back costs only space.
                dropped(object.abort().await, "an object was not taken back");
                return Err(error.into());
            }
        }
        object.shutdown().await.map_err(inner)?;
        debug!(name, bytes, "a file is put into the storage");
        Ok(())
    }

    /// An object; nothing if it is not there.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ExchangeError> {
        self.calls.persist(|| self.get_once(name)).await
    }

    /// The same, asked once.
    pub(super) async fn get_once(&self, name: &str) -> Result<Option<Vec<u8>>, ExchangeError> {
        let found = async { self.store.get(&self.path(name)).await?.bytes().await };
        let found = there(found.await.map(|bytes| bytes.to_vec()))?;
        let bytes = found.as_ref().map(Vec::len);
        debug!(name, bytes, "asked of the storage");
        Ok(found)
    }

    /// An object that must be what it should be, if it is there.
    pub(crate) async fn get_json<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ExchangeError> {
        let bytes = self.get(name).await?;
        let value = bytes.map(|bytes| serde_json::from_slice(&bytes));
        value
            .transpose()
            .map_err(|error| refused(format!("`{name}` in the storage is damaged: {error}")))
    }

    /// Adds to a file what is missing of an object.
    pub(super) async fn get_rest(&self, name: &str, part: &FilePath) -> Result<(), ExchangeError> {
        self.calls
            .persist(|| async {
                let seen = self.see_once(name).await?;
                let size = seen.ok_or(ExchangeError::Missing)?.size;
                self.add_rest(name, &Seen { size, mark: None }, part).await
            })
            .await
    }

    /// The same of an object as it was seen; refused if it is another by now.
    pub(super) async fn get_rest_of(
        &self,
        name: &str,
        seen: &Seen,
        part: &FilePath,
    ) -> Result<(), ExchangeError> {
        self.calls.persist(|| self.add_rest(name, seen, part)).await
    }

    async fn add_rest(
        &self,
        name: &str,
        seen: &Seen,
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
        debug!(name, from, bytes, "a file is fetched from the storage");
        Ok(file.sync_all().await?)
    }

    /// An object as it is, asked once; nothing if it is not there.
    pub(super) async fn see_once(&self, name: &str) -> Result<Option<Seen>, ExchangeError> {
        let found = self.store.head(&self.path(name)).await;
        there(found.map(|object| Seen {
            size: object.size,
            mark: object.e_tag,
        }))
    }

    /// The last parts of the names that begin with a name and a slash.
    pub(super) async fn list(&self, name: &str) -> Result<Vec<String>, ExchangeError> {
        let path = self.path(name);
        self.calls
            .persist(|| async {
                let objects = self.store.list(Some(&path));
                let last = objects
                    .map_ok(|object| object.location.filename().unwrap_or_default().to_owned());
                Ok(last.try_collect().await?)
            })
            .await
    }

    /// Removes an object; one that is not there is removed.
    pub(super) async fn remove(&self, name: &str) -> Result<(), ExchangeError> {
        let path = self.path(name);
        self.calls.persist(|| self.delete(&path)).await
    }

    /// Removes all objects whose names begin with a name and a slash, `first` before the others; each is asked for once.
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
            Error::PermissionDenied { .. } => {
                refused(format!("the storage lets us not do that: {said}"))
            }
            Error::Unauthenticated { .. } => {
                refused(format!("the storage does not know us: {said}"))
            }
            Error::Precondition { .. } => refused("it was changed while it was fetched"),
            Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. } => refused(said),
            _ => Self::Unanswered(said),
        }
    }
}

/// What a storage refuses.
pub(super) fn refused(error: impl ToString) -> ExchangeError {
    let hint = "check the bucket, and that the job has the `AWS_` variables of one who may read and write it";
    ExchangeError::refused(error, hint)
}

/// What was found, if anything is there.
fn there<T>(answer: Result<T, Error>) -> Result<Option<T>, ExchangeError> {
    match answer {
        Err(Error::NotFound { .. }) => Ok(None),
        answer => Ok(Some(answer?)),
    }
}

/// What went wrong, on one line: the last cause says it, those before it repeat the address.
fn words(error: &Error) -> String {
    let said = last_cause(error);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An error of the storage that came as one of a file.
fn inner(error: io::Error) -> ExchangeError {
    match error.downcast::<Error>() {
        Ok(error) => error.into(),
        Err(error) => ExchangeError::Unanswered(error.to_string()),
    }
}
