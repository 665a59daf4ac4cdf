//! Texts that a sweep names, as files on this machine.

use std::path::{Path, PathBuf};

use super::cache::cache_folder;
use super::{AppError, Listener};
use isoflop_core::data::Text;
use isoflop_core::units::bytes;
use isoflop_dispatch::exchange::{ExchangeError, StorageAddress, bring_text};
use isoflop_sweep::{SweepFile, TextObject, TextPlace};

/// Where a text lies; one in a bucket is brought here first.
pub(crate) fn find(
    file: &SweepFile,
    path: &Path,
    place: TextPlace,
    listener: &mut dyn Listener,
) -> Result<Text, AppError> {
    match place {
        TextPlace::File(path) => Ok(Text::from(path)),
        TextPlace::Object(object) => {
            bring(&object, listener).map_err(|error| refused(file, path, &object, &error))
        }
    }
}

fn bring(object: &TextObject, listener: &mut dyn Listener) -> Result<Text, ExchangeError> {
    let address = StorageAddress {
        url: format!("s3://{}", object.bucket),
        endpoint: object.endpoint.clone(),
        region: object.region.clone(),
    };
    let cache = cache_folder("isoflop").join("text");
    let (name, mut is_told) = (object.url(), false);
    let path = bring_text(&address, &object.key, &cache, listener.calls(), &mut |at| {
        if !std::mem::replace(&mut is_told, true) {
            listener.remark(&format!("fetching `{name}`, {}", bytes(at.size)));
        }
        listener.fetching(&name, at);
    })?;
    Ok(Text {
        name: PathBuf::from(name),
        path,
    })
}

fn refused(file: &SweepFile, path: &Path, object: &TextObject, error: &ExchangeError) -> AppError {
    // Without a key it is asked of the machine, as of one of Amazon's: elsewhere nobody answers that.
    let is_known = ["AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let hint = match error {
        ExchangeError::Missing => "check the name, and `endpoint` if the storage is not Amazon's",
        ExchangeError::Refused(_) | ExchangeError::Unanswered(_) if !is_known => {
            "set the `AWS_` variables of one who may read it, or `AWS_SKIP_SIGNATURE=true` where anyone may; docs/storage.md has them"
        }
        ExchangeError::Refused(_) => {
            "use the `AWS_` variables of one who may read it; docs/storage.md has them"
        }
        ExchangeError::Unanswered(_) => {
            "check `endpoint`, `region` and the connection, then run the same command again"
        }
        ExchangeError::Here(_) => {
            "free space, or set `XDG_CACHE_HOME` to a folder that can be written to"
        }
    };
    let message = format!("the corpus `{}` cannot be read: {error}", object.url());
    file.fault_of_text(path, Path::new(&object.url()), message, hint)
        .into()
}
