//! Text that lies in a bucket: brought here once, and again when it is another there.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::objects::{Seen, refused};
use super::{ExchangeError, Note, Objects, StorageAddress, runtime};

/// Between two looks at how much is there.
const LOOK: Duration = Duration::from_millis(200);

/// How far a text is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bringing {
    /// Bytes that are here.
    pub here: u64,
    /// Bytes that it has.
    pub size: u64,
}

/// Where a text is kept as it was seen: nothing that it was before lies at this name.
fn place(cache: &Path, address: &StorageAddress, name: &str, seen: &Seen) -> PathBuf {
    let StorageAddress {
        url,
        endpoint,
        region,
    } = address;
    let known = (url, endpoint, region, name, &seen.mark, seen.size);
    let digest = blake3::hash(format!("{known:?}").as_bytes());
    cache.join(digest.to_hex().as_str())
}

/// The file on this machine that has a text's bytes as they are in the storage now. The folder `cache` keeps it, and may be
/// emptied at any time. `watch` hears how far it is while it is brought; what was brought before an interruption stays.
///
/// # Errors
/// [`ExchangeError`]: at the first question also if there is no answer, later only what would be the same again.
pub fn bring_text(
    address: &StorageAddress,
    name: &str,
    cache: &Path,
    note: Note,
    watch: &mut dyn FnMut(Bringing),
) -> Result<PathBuf, ExchangeError> {
    let runtime = runtime()?;
    let objects = Objects::open(address, note).map_err(refused)?;
    let seen = runtime
        .block_on(objects.see_once(name))?
        .ok_or(ExchangeError::Missing)?;
    let place = place(cache, address, name, &seen);
    if !is_whole(&place, &seen) {
        fs::create_dir_all(cache)?;
        let _held = hold(&place.with_extension("lock"), note)?;
        // Another may have brought it meanwhile.
        if !is_whole(&place, &seen) {
            runtime.block_on(bring(&objects, name, &seen, &place, watch))?;
        }
    }
    Ok(place)
}

fn is_whole(place: &Path, seen: &Seen) -> bool {
    fs::metadata(place).is_ok_and(|file| file.len() == seen.size)
}

/// Two processes that bring the same would write into one file.
fn hold(path: &Path, note: Note) -> io::Result<File> {
    let file = File::create(path)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            note("another isoflop fetches the same text; this one waits until it is there")
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.lock().map(|()| file)
}

async fn bring(
    objects: &Objects,
    name: &str,
    seen: &Seen,
    place: &Path,
    watch: &mut dyn FnMut(Bringing),
) -> Result<(), ExchangeError> {
    let part = place.with_extension("part");
    let size = seen.size;
    let at = || Bringing {
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
        objects: Objects,
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
            let objects = Objects::open(&address, |_| {}).unwrap();
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

        fn see(&self) -> Seen {
            self.runtime
                .block_on(self.objects.see_once(NAME))
                .unwrap()
                .unwrap()
        }

        fn cache(&self) -> PathBuf {
            self.root.path().join("cache")
        }

        /// What is brought, and whether anything was fetched for it.
        fn bring(&self) -> (Result<String, ExchangeError>, Vec<Bringing>) {
            let mut watched = Vec::new();
            let place = bring_text(&self.address, NAME, &self.cache(), |_| {}, &mut |at| {
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
        assert_eq!(watched.last(), Some(&Bringing { here: 8, size: 8 }));
        assert_eq!(
            (lab.bring().0.unwrap().as_str(), lab.bring().1),
            ("one text", vec![])
        );
        lab.put("another");
        assert_eq!(lab.bring().0.unwrap(), "another");
    }

    /// What an interrupted process has fetched is not fetched again: here it can be told by its letters.
    #[test]
    fn a_part_is_gone_on_with() {
        let lab = Lab::new();
        lab.put("one text");
        let place = place(&lab.cache(), &lab.address, NAME, &lab.see());
        fs::create_dir(lab.cache()).unwrap();
        fs::write(place.with_extension("part"), "ONE ").unwrap();
        assert_eq!(lab.bring().0.unwrap(), "ONE text");
        // More than there is cannot be of it.
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
