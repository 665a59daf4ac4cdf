//! Cache folders of the user, for files that can be downloaded or made again.

use std::path::PathBuf;

/// Path of the user's cache folder `name` (XDG base directory specification). It need not exist.
pub fn cache_folder(name: &str) -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let home = || variable("HOME").map(|home| home.join(".cache"));
    variable("XDG_CACHE_HOME")
        .or_else(home)
        .unwrap_or_default()
        .join(name)
}
