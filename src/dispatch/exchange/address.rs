//! Addresses of storages.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::StorageError;
use crate::protocol::tls_provider;

/// Timeout for connecting, and between two parts of a response.
const SILENCE: Duration = Duration::from_secs(20);

/// Address of a storage. Credentials come from the environment variables that all S3 clients read
/// (`AWS_ACCESS_KEY_ID` and others), so an address contains no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageAddress {
    /// `s3://bucket/prefix`, or `file:///folder`.
    pub url: String,
    /// Endpoint of an S3-compatible storage, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// The bucket's region.
    pub region: Option<String>,
}

impl StorageAddress {
    /// Splits the address of an attempt into its storage and its tag. `None` if `url` is not such
    /// an address.
    pub fn of_attempt(
        url: &str,
        endpoint: Option<String>,
        region: Option<String>,
    ) -> Option<(Self, String)> {
        let (url, tag) = url.rsplit_once("/attempts/")?;
        let is_tag = tag.starts_with("isoflop-")
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (is_tag && url.contains("://")).then(|| {
            (
                Self {
                    url: url.to_owned(),
                    endpoint,
                    region,
                },
                tag.to_owned(),
            )
        })
    }

    /// Address of an attempt in this storage.
    pub(super) fn attempt(&self, tag: &str) -> String {
        format!("{}/attempts/{tag}", self.url.trim_end_matches('/'))
    }

    /// Opens the storage. Returns it with the prefix of its object names. Sends no request yet.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(super) fn open(&self) -> Result<(Arc<dyn ObjectStore>, Path), StorageError> {
        if let Some(path) = self.url.strip_prefix("file://") {
            return Ok((Arc::new(folder(path)?), Path::default()));
        }
        let Some(place) = self.url.strip_prefix("s3://") else {
            return Err(StorageError::Address(self.url.clone()));
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let store = Arc::new(self.bucket(bucket)?);
        Ok((store, Path::parse(prefix.trim_matches('/'))?))
    }

    fn bucket(&self, name: &str) -> object_store::Result<AmazonS3> {
        tls_provider();
        let endpoint = self.endpoint.as_deref();
        let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let mut store = AmazonS3Builder::from_env().with_bucket_name(name);
        if let Some(endpoint) = endpoint {
            store = store.with_endpoint(endpoint);
        }
        if let Some(region) = &self.region {
            store = store.with_region(region);
        }
        // A large file may take long, so the limit is on silence, not on the total time. Retries
        // are left to `RepeatedCalls`, which reports them.
        let http = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(SILENCE)
            .with_read_timeout(SILENCE)
            .with_allow_http(is_plain);
        let retry = RetryConfig {
            max_retries: 1,
            retry_timeout: SILENCE,
            ..RetryConfig::default()
        };
        store.with_client_options(http).with_retry(retry).build()
    }
}

fn folder(path: &str) -> Result<LocalFileSystem, StorageError> {
    std::fs::create_dir_all(path).map_err(|error| StorageError::Folder(path.to_owned(), error))?;
    Ok(LocalFileSystem::new_with_prefix(path)?.with_automatic_cleanup(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_has_an_address() {
        let address = StorageAddress {
            url: "s3://bucket/a/b/".to_owned(),
            endpoint: None,
            region: None,
        };
        let (tag, without) = ("isoflop-0123456789abcdef-2-7f-1", "s3://bucket/a/b");
        let url = address.attempt(tag);
        assert_eq!(url, format!("{without}/attempts/{tag}"));
        let (found, of) = StorageAddress::of_attempt(&url, None, None).unwrap();
        assert_eq!((found.url.as_str(), of.as_str()), (without, tag));
        for none in [
            "results/sweep/runs/a/attempts/1",
            "s3://bucket/attempts/../x",
            "s3://bucket",
            "/attempts/isoflop-1",
        ] {
            assert_eq!(StorageAddress::of_attempt(none, None, None), None, "{none}");
        }
    }

    #[test]
    fn only_what_is_known_is_opened() {
        let open = |url: &str| {
            StorageAddress {
                url: url.to_owned(),
                endpoint: None,
                region: None,
            }
            .open()
        };
        let folder = tempfile::tempdir().unwrap();
        assert!(open(&format!("file://{}/a/b", folder.path().display())).is_ok());
        assert!(open("gs://bucket").is_err());
        assert_eq!(open("s3://bucket/a/b/").unwrap().1, Path::from("a/b"));
    }
}
