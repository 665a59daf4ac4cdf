//! Fields of `squeue` and `sacct`: lines with fields separated by `|`, the first of which is a
//! name.

/// Splits a line into fields. `None` if it has fewer. Only the first field may contain `|`.
pub(super) fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    let mut fields = [""; N];
    let mut parts = line.trim_end().rsplitn(N, '|');
    for field in fields.iter_mut().rev() {
        *field = parts.next()?;
    }
    Some(fields)
}

/// Recorded output, without its comments.
#[cfg(test)]
pub(super) fn recorded(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}
