//! Names of columns and roles in messages.

/// Formats similar names as the end of a message. Empty without names.
pub(super) fn clause<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!("; similar: {}", quoted(names))
    }
}

/// Formats names in backticks, separated by commas.
pub(super) fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>()
        .join(", ")
}
