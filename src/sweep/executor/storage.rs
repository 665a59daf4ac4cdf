//! Storage through which isoflop exchanges the files of attempts with jobs that share no file
//! system with this machine.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::address::{self, needs_no_quotes, without_credentials};
use crate::error::ValueError;
use crate::not_empty::not_empty;
use crate::{FiniteNumber, LocatedValue};

/// Storage through which isoflop and its jobs exchange the files of attempts, if they share no file
/// system. Credentials are in the environment (`AWS_ACCESS_KEY_ID` and others), not here.
/// docs/storage.md is a guide with an example.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageSettings {
    /// Address: `s3://bucket/prefix`, or `file:///folder`.
    pub url: LocatedValue<String>,
    /// Address of an S3-compatible storage, such as `http://127.0.0.1:9000`; Amazon's if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub endpoint: Option<LocatedValue<String>>,
    /// Region of the bucket; `AWS_REGION`, or `us-east-1`, if absent.
    #[serde(default, deserialize_with = "not_empty")]
    pub region: Option<LocatedValue<String>>,
    /// The program on the machines that train, a name or an absolute path; `isoflop` if absent. Its
    /// trainer must be next to it.
    #[serde(default = "isoflop")]
    pub isoflop: LocatedValue<String>,
    /// Seconds between polls of the storage, on both sides; 5 if absent.
    #[serde(default = "beat_seconds")]
    pub beat_seconds: LocatedValue<FiniteNumber>,
}

fn isoflop() -> LocatedValue<String> {
    LocatedValue::without_location("isoflop".to_owned())
}

fn beat_seconds() -> LocatedValue<FiniteNumber> {
    LocatedValue::without_location(FiniteNumber(5.0))
}

/// Returns the error of an invalid address of a storage.
fn url_error(url: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some("expected `s3://` or `file://` before it");
    };
    if !needs_no_quotes(rest) {
        return Some("expected only letters, digits and `/._-`");
    }
    match scheme {
        "s3" if rest.starts_with('/') => Some("missing bucket"),
        "file" if !rest.starts_with('/') => Some("expected an absolute path after `file://`"),
        "s3" | "file" => None,
        _ => Some("expected `s3://` or `file://`"),
    }
}

impl StorageSettings {
    pub(super) fn check(&self) -> Result<(), ValueError> {
        // All fields are named, so that a new key is not forgotten here.
        let Self {
            url,
            endpoint,
            region,
            isoflop,
            beat_seconds,
        } = self;
        let folder = url.value.starts_with("file:");
        if let Some(fault) = url_error(&url.value) {
            let shown = without_credentials(&url.value);
            let hint =
                "write `s3://bucket/prefix`, or `file:///folder`; docs/storage.md explains it";
            return Err(url.error(format!("invalid `url` `{shown}`: {fault}"), hint));
        }
        address::check_endpoint(endpoint.as_ref())?;
        if let Some(endpoint) = endpoint.as_ref().filter(|_| folder) {
            let message = "`endpoint` applies to `s3://`, but `url` is a folder";
            let hint = "remove `endpoint`, or write `url: s3://bucket/prefix`";
            return Err(endpoint.error(message, hint));
        }
        address::check_unquoted_word("`region`", region.as_ref(), "us-east-1")?;
        address::check_unquoted_word("`isoflop`", Some(isoflop), "/opt/isoflop/isoflop")?;
        beat_seconds.within("`beat_seconds`", 0.05..=3600.0)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_is_a_bucket_or_a_folder() {
        for url in [
            "s3://bucket",
            "s3://bucket/a/b-c.d/",
            "file:///mnt/exchange",
        ] {
            assert_eq!(url_error(url), None, "{url}");
        }
        for url in [
            "bucket",
            "/mnt/x",
            "s3://",
            "s3:///a",
            "file://a/b",
            "gs://bucket",
            "s3://key:secret@bucket",
            "s3://b/a b",
            "s3://b/$(x)",
        ] {
            assert!(url_error(url).is_some(), "{url}");
        }
    }
}
