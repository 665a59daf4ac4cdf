//! Texts that a sweep names, as files on this machine.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::ProgressBar;

use super::cache::cache;
use super::progress::{PLAIN_EVERY, style};
use super::{Failed, output};
use isoflop_core::data::Text;
use isoflop_core::units::bytes;
use isoflop_dispatch::executor::{Bringing, StorageAddress, StorageError, bring_text};
use isoflop_sweep::{SweepFile, TextObject, TextPlace};

/// Where a text lies; one in a bucket is brought here first.
pub(super) fn find(file: &SweepFile, path: &Path, place: TextPlace) -> Result<Text, Failed> {
    match place {
        TextPlace::File(path) => Ok(Text::from(path)),
        TextPlace::Object(object) => {
            bring(&object).map_err(|error| refused(file, path, &object, &error))
        }
    }
}

fn bring(object: &TextObject) -> Result<Text, StorageError> {
    let TextObject {
        bucket,
        key,
        endpoint,
        region,
    } = object;
    let url = format!("s3://{bucket}");
    let address = StorageAddress {
        url,
        endpoint: endpoint.clone(),
        region: region.clone(),
    };
    let cache = cache("isoflop").join("text");
    let mut fetching = Fetching {
        name: object.url(),
        view: None,
    };
    let path = bring_text(
        &address,
        key,
        &cache,
        |words| output::remark(words),
        &mut |at| fetching.show(at),
    )?;
    Ok(Text {
        name: PathBuf::from(object.url()),
        path,
    })
}

fn refused(file: &SweepFile, path: &Path, object: &TextObject, error: &StorageError) -> Failed {
    // Without a key it is asked of the machine, as of one of Amazon's: elsewhere nobody answers that.
    let is_known = ["AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let hint = match error {
        StorageError::Missing => "check the name, and `endpoint` if the storage is not Amazon's",
        StorageError::Refused(_) | StorageError::Unanswered(_) if !is_known => {
            "set the `AWS_` variables of one who may read it, or `AWS_SKIP_SIGNATURE=true` where anyone may; docs/storage.md has them"
        }
        StorageError::Refused(_) => {
            "use the `AWS_` variables of one who may read it; docs/storage.md has them"
        }
        StorageError::Unanswered(_) => {
            "check `endpoint`, `region` and the connection, then run the same command again"
        }
        StorageError::Here(_) => {
            "free space, or set `XDG_CACHE_HOME` to a folder that can be written to"
        }
    };
    let message = format!("the corpus `{}` cannot be read: {error}", object.url());
    file.fault_of_text(path, Path::new(&object.url()), message, hint)
        .into()
}

/// What is seen while a text is brought.
struct Fetching {
    name: String,
    view: Option<View>,
}

enum View {
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Fetching {
    fn show(&mut self, at: Bringing) {
        match &mut self.view {
            None => self.view = Some(self.begin(at)),
            Some(View::Bar(bar)) => bar.set_position(at.here),
            Some(View::Lines { last }) if last.elapsed() >= PLAIN_EVERY => {
                *last = Instant::now();
                output::note(format!(
                    "{}: {} of {}",
                    self.name,
                    bytes(at.here),
                    bytes(at.size)
                ));
            }
            Some(View::Lines { .. }) => {}
        }
        if let Some(View::Bar(bar)) = self.view.as_ref().filter(|_| at.here == at.size) {
            bar.finish_and_clear();
        }
    }

    fn begin(&self, at: Bringing) -> View {
        output::remark(format!("fetching `{}`, {}", self.name, bytes(at.size)));
        if !std::io::stderr().is_terminal() {
            return View::Lines {
                last: Instant::now(),
            };
        }
        let bar = output::bar(ProgressBar::new(at.size).with_position(at.here));
        bar.set_style(style(
            "{bar:14.cyan} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        ));
        View::Bar(bar)
    }
}
