//! A storage by which attempts are exchanged with jobs that share no file system with this machine.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::address::{self, is_plain, shown};
use crate::error::Fault;
use crate::given::given;
use crate::{At, Number};

/// Where jobs and isoflop exchange what runs need and bring, if they share no file system. Who may read and write it stands in the
/// environment (`AWS_ACCESS_KEY_ID` and others), not here. docs/storage.md begins with nothing and has an example.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// `s3://bucket/prefix`, or `file:///folder`.
    pub url: At<String>,
    /// Where an S3-compatible storage answers, as `http://127.0.0.1:9000`; Amazon's if absent.
    #[serde(default, deserialize_with = "given")]
    pub endpoint: Option<At<String>>,
    /// The bucket's region; what `AWS_REGION` says, or `us-east-1`, if absent.
    #[serde(default, deserialize_with = "given")]
    pub region: Option<At<String>>,
    /// The program on the machines that train, a name or a whole path; `isoflop` if absent. Its trainer lies beside it.
    #[serde(default = "isoflop")]
    pub isoflop: At<String>,
    /// Seconds between two looks into the storage, on both sides; 5 if absent.
    #[serde(default = "beat_seconds")]
    pub beat_seconds: At<Number>,
}

fn isoflop() -> At<String> {
    At::nowhere("isoflop".to_owned())
}

fn beat_seconds() -> At<Number> {
    At::nowhere(Number(5.0))
}

/// What is wrong with the address of a storage, if anything is.
fn fault(url: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some("has no `s3://` or `file://` before it");
    };
    if !is_plain(rest) {
        return Some("holds other characters than letters, digits and `/._-`");
    }
    match scheme {
        "s3" if rest.starts_with('/') => Some("names no bucket"),
        "file" if !rest.starts_with('/') => Some("has no whole path behind `file://`"),
        "s3" | "file" => None,
        _ => Some("is neither `s3://` nor `file://`"),
    }
}

impl Storage {
    pub(super) fn check(&self) -> Result<(), Fault> {
        // Named one by one: a key that is added is not forgotten here.
        let Self {
            url,
            endpoint,
            region,
            isoflop,
            beat_seconds,
        } = self;
        let folder = url.value.starts_with("file:");
        if let Some(fault) = fault(&url.value) {
            let shown = shown(&url.value);
            let hint =
                "write `s3://bucket/prefix`, or `file:///folder`; docs/storage.md explains it";
            return Err(url.fault(format!("`url` is `{shown}`, which {fault}"), hint));
        }
        address::endpoint(endpoint.as_ref())?;
        if let Some(endpoint) = endpoint.as_ref().filter(|_| folder) {
            let message = "`endpoint` is for `s3://`, and `url` is a folder";
            let hint = "leave `endpoint` out, or write `url: s3://bucket/prefix`";
            return Err(endpoint.fault(message, hint));
        }
        address::plain("`region`", region.as_ref(), "us-east-1")?;
        address::plain("`isoflop`", Some(isoflop), "/opt/isoflop/isoflop")?;
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
            assert_eq!(fault(url), None, "{url}");
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
            assert!(fault(url).is_some(), "{url}");
        }
    }
}
