//! The machine that executes attempts.

/// This machine's name.
pub(super) fn host() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
