//! Lines of `squeue` and `sacct`: fields with bars between them, the first of which is a name.

/// The fields of a line; nothing if it has fewer. A name may hold bars, the others do not.
pub(super) fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    let mut fields = [""; N];
    let mut parts = line.trim_end().rsplitn(N, '|');
    for field in fields.iter_mut().rev() {
        *field = parts.next()?;
    }
    Some(fields)
}

/// What was recorded of an answer, without what is said about it.
#[cfg(test)]
pub(super) fn recorded(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}
