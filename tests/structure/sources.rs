//! The source files of what is shipped.

use std::fs;
use std::path::{Path, PathBuf};

/// What is compiled for tests alone, and what builds a crate.
const NOT_SHIPPED: [&str; 3] = ["tests.rs", "report/fixture.rs", "build.rs"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// Their paths within src, with what they hold.
pub(crate) fn tree() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let relative = |path: &Path| {
        path.strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let files = sources(&root).into_iter();
    let files = files.map(|path| (relative(&path), fs::read_to_string(&path).unwrap()));
    let files: Vec<_> = files
        .filter(|(file, _)| !NOT_SHIPPED.iter().any(|other| file.ends_with(other)))
        .collect();
    assert!(files.len() > 300, "{} files", files.len());
    files
}
