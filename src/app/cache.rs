//! Where what can be had again is kept, beside what other programs keep for their user.

use std::path::PathBuf;

/// The cache folder of that name, which need not be there (XDG base directory specification).
pub fn cache_folder(name: &str) -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let home = || variable("HOME").map(|home| home.join(".cache"));
    variable("XDG_CACHE_HOME")
        .or_else(home)
        .unwrap_or_default()
        .join(name)
}
