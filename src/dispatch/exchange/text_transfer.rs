//! Transfer of text from a bucket into a cache. A text is fetched once, and again after it changes.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::object_storage::{ObjectVersion, refused};
use super::{ExchangeError, Note, ObjectStorage, StorageAddress, runtime};

/// Time between two progress reports.
const LOOK: Duration = Duration::from_millis(200);

/// Progress of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextTransfer {
    /// Bytes fetched.
    pub here: u64,
    /// Bytes of the whole text.
    pub size: u64,
}

/// Path in the cache of one version of a text. Each version has its own path.
fn place(cache: &Path, address: &StorageAddress, name: &str, seen: &ObjectVersion) -> PathBuf {
    let StorageAddress {
        url,
        endpoint,
        region,
    } = address;
    let known = (url, endpoint, region, name, &seen.mark, seen.size);
    let digest = blake3::hash(format!("{known:?}").as_bytes());
    cache.join(digest.to_hex().as_str())
}

/// Fetches a text into the folder `cache`, unless it contains the current version, and returns its
/// path. The cache may be emptied at any time. `watch` receives the progress. An interrupted
/// transfer continues from its last byte.
///
/// # Errors
/// [`ExchangeError`]. Only the first request fails if there is no response; later ones are retried.
pub fn fetch_text(
    address: &StorageAddress,
    name: &str,
    cache: &Path,
    note: Note,
    watch: &mut dyn FnMut(TextTransfer),
) -> Result<PathBuf, ExchangeError> {
    let runtime = runtime()?;
    let objects = ObjectStorage::open(address, note).map_err(refused)?;
    let seen = runtime
        .block_on(objects.see_once(name))?
        .ok_or(ExchangeError::Missing)?;
    let place = place(cache, address, name, &seen);
    if !is_whole(&place, &seen) {
        fs::create_dir_all(cache)?;
        let _held = hold(&place.with_extension("lock"), note)?;
        // Another process may have fetched it meanwhile.
        if !is_whole(&place, &seen) {
            runtime.block_on(bring(&objects, name, &seen, &place, watch))?;
        }
    }
    Ok(place)
}

fn is_whole(place: &Path, seen: &ObjectVersion) -> bool {
    fs::metadata(place).is_ok_and(|file| file.len() == seen.size)
}

/// Locks a text. Otherwise two processes that fetch it could write to the same file.
fn hold(path: &Path, note: Note) -> io::Result<File> {
    let file = File::create(path)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            note("waiting for another isoflop process, which fetches the same text")
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.lock().map(|()| file)
}

async fn bring(
    objects: &ObjectStorage,
    name: &str,
    seen: &ObjectVersion,
    place: &Path,
    watch: &mut dyn FnMut(TextTransfer),
) -> Result<(), ExchangeError> {
    let part = place.with_extension("part");
    let size = seen.size;
    let at = || TextTransfer {
        here: fs::metadata(&part).map_or(0, |file| file.len()),
        size,
    };
    let mut look = tokio::time::interval(LOOK);
    let brought = objects.get_rest_of(name, seen, &part);
    tokio::pin!(brought);
    loop {
        tokio::select! {
            brought = &mut brought => break brought?,
            _ = look.tick() => watch(at()),
        }
    }
    watch(at());
    Ok(fs::rename(&part, place)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "a b/c~1=2.txt";

    /// A storage in a folder, and a cache.
    struct Lab {
        root: tempfile::TempDir,
        address: StorageAddress,
        objects: ObjectStorage,
        runtime: tokio::runtime::Runtime,
    }

    impl Lab {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let url = format!("file://{}/bucket", root.path().display());
            let address = StorageAddress {
                url,
                endpoint: None,
                region: None,
            };
            let objects = ObjectStorage::open(&address, |_| {}).unwrap();
            let runtime = runtime().unwrap();
            Self {
                root,
                address,
                objects,
                runtime,
            }
        }

        fn put(&self, text: &str) {
            fs::create_dir_all(self.root.path().join("bucket/a b")).unwrap();
            fs::write(self.root.path().join("bucket").join(NAME), text).unwrap();
        }

        fn see(&self) -> ObjectVersion {
            self.runtime
                .block_on(self.objects.see_once(NAME))
                .unwrap()
                .unwrap()
        }

        fn cache(&self) -> PathBuf {
            self.root.path().join("cache")
        }

        /// Fetches the text. Returns it with the reported progress.
        fn bring(&self) -> (Result<String, ExchangeError>, Vec<TextTransfer>) {
            let mut watched = Vec::new();
            let place = fetch_text(&self.address, NAME, &self.cache(), |_| {}, &mut |at| {
                watched.push(at)
            });
            (
                place.map(|place| fs::read_to_string(place).unwrap()),
                watched,
            )
        }
    }

    #[test]
    fn a_text_is_brought_once_and_again_when_it_is_another() {
        let lab = Lab::new();
        assert!(matches!(lab.bring().0, Err(ExchangeError::Missing)));
        lab.put("one text");
        let (text, watched) = lab.bring();
        assert_eq!(text.unwrap(), "one text");
        assert_eq!(watched.last(), Some(&TextTransfer { here: 8, size: 8 }));
        assert_eq!(
            (lab.bring().0.unwrap().as_str(), lab.bring().1),
            ("one text", vec![])
        );
        lab.put("another");
        assert_eq!(lab.bring().0.unwrap(), "another");
    }

    /// Bytes from before an interruption are not fetched again. Here they are in capitals.
    #[test]
    fn a_part_is_gone_on_with() {
        let lab = Lab::new();
        lab.put("one text");
        let place = place(&lab.cache(), &lab.address, NAME, &lab.see());
        fs::create_dir(lab.cache()).unwrap();
        fs::write(place.with_extension("part"), "ONE ").unwrap();
        assert_eq!(lab.bring().0.unwrap(), "ONE text");
        // A part that is longer than the text is discarded.
        fs::remove_file(&place).unwrap();
        fs::write(place.with_extension("part"), "ONE TEXT AND MORE").unwrap();
        assert_eq!(lab.bring().0.unwrap(), "one text");
    }

    #[test]
    fn what_is_changed_midway_is_not_mixed() {
        let lab = Lab::new();
        lab.put("one text");
        let seen = lab.see();
        lab.put("two texts");
        let part = lab.root.path().join("part");
        let brought = lab
            .runtime
            .block_on(lab.objects.get_rest_of(NAME, &seen, &part));
        assert!(
            matches!(brought, Err(ExchangeError::Refused(_))),
            "{brought:?}"
        );
    }
}
