//! Addresses in a sweep file.

use super::At;
use super::error::Fault;

/// What can stand in a command of any engine without quotes.
pub(super) fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte))
}

/// An address as it may be shown: what stands before an `@` may be a password.
pub(super) fn shown(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

/// Where an S3-compatible storage answers.
pub(super) fn endpoint(endpoint: Option<&At<String>>) -> Result<(), Fault> {
    let Some(endpoint) = endpoint else {
        return Ok(());
    };
    let host = endpoint
        .value
        .strip_prefix("http://")
        .or_else(|| endpoint.value.strip_prefix("https://"));
    if host.is_some_and(|host| is_plain(host) && !host.starts_with('/')) {
        return Ok(());
    }
    let shown = shown(&endpoint.value);
    let message = format!(
        "`endpoint` is `{shown}`, allowed is `http://` or `https://` with a machine and a port"
    );
    Err(endpoint.fault(
        message,
        "write where the storage answers, as `http://127.0.0.1:9000`",
    ))
}

/// A word that stands in commands; `as_in` is an example of one.
pub(super) fn plain(name: &str, word: Option<&At<String>>, as_in: &str) -> Result<(), Fault> {
    let Some(word) = word.filter(|word| !is_plain(&word.value)) else {
        return Ok(());
    };
    let message = format!(
        "{name} is `{}`, allowed are letters, digits and `/._-:`",
        word.value
    );
    Err(word.fault(message, format!("write it as `{as_in}`")))
}
