//! The machine that executes attempts.

/// Host name of this machine.
pub(super) fn host() -> String {
    nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
