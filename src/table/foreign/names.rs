//! Names of columns and roles within a sentence.

/// Names that are near one that was looked for, to end a sentence with.
pub(super) fn clause<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!("; nearest: {}", quoted(names))
    }
}

/// Names, each in backticks.
pub(super) fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>()
        .join(", ")
}
