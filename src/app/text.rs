//! Texts of a sweep, as files on this machine.

use std::path::{Path, PathBuf};

use super::cache::cache_folder;
use super::{AppError, Listener};
use isoflop_core::data::TextFile;
use isoflop_core::units::bytes;
use isoflop_dispatch::exchange::{ExchangeError, StorageAddress, fetch_text};
use isoflop_sweep::{SweepFile, TextLocation, TextObject};

/// Finds the file of a text. A text in a bucket is downloaded first.
pub(crate) fn find(
    file: &SweepFile,
    path: &Path,
    place: TextLocation,
    listener: &mut dyn Listener,
) -> Result<TextFile, AppError> {
    match place {
        TextLocation::File(path) => Ok(TextFile::from(path)),
        TextLocation::Object(object) => {
            download(&object, listener).map_err(|error| refused(file, path, &object, &error))
        }
    }
}

fn download(object: &TextObject, listener: &mut dyn Listener) -> Result<TextFile, ExchangeError> {
    let address = StorageAddress {
        url: format!("s3://{}", object.bucket),
        endpoint: object.endpoint.clone(),
        region: object.region.clone(),
    };
    let cache = cache_folder("isoflop").join("text");
    let (name, mut is_told) = (object.url(), false);
    let path = fetch_text(
        &address,
        &object.key,
        &cache,
        listener.storage_calls(),
        &mut |at| {
            if !std::mem::replace(&mut is_told, true) {
                listener.remark(&format!("downloading `{name}`, {}", bytes(at.size)));
            }
            listener.fetching(&name, at);
        },
    )?;
    Ok(TextFile {
        name: PathBuf::from(name),
        path,
    })
}

fn refused(file: &SweepFile, path: &Path, object: &TextObject, error: &ExchangeError) -> AppError {
    // Without a key, credentials are requested from Amazon's metadata service. Other machines do
    // not have that service, and the request gets no answer.
    let is_known = ["AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let hint = match error {
        ExchangeError::Missing => "check the name, and `endpoint` if the storage is not Amazon's",
        ExchangeError::Refused(_) | ExchangeError::NoResponse(_) if !is_known => {
            "set the `AWS_` variables of a user who can read it, or `AWS_SKIP_SIGNATURE=true` if it is public; see docs/storage.md"
        }
        ExchangeError::Refused(_) => {
            "set the `AWS_` variables of a user who can read it; see docs/storage.md"
        }
        ExchangeError::NoResponse(_) => {
            "check `endpoint`, `region` and the connection, then run the same command again"
        }
        ExchangeError::Io(_) => "free space, or set `XDG_CACHE_HOME` to a writable folder",
    };
    let message = format!("cannot read the corpus `{}`: {error}", object.url());
    file.text_error(path, Path::new(&object.url()), message, hint)
        .into()
}
