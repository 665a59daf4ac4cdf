//! Addresses in a sweep file.

use super::LocatedValue;
use super::error::ValueError;

/// Reports whether a word needs no quotes in the commands of any engine.
pub(super) fn needs_no_quotes(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte))
}

/// An address for messages, without the part before an `@`, which may be a password.
pub(super) fn without_credentials(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

/// Checks the address of an S3-compatible storage.
pub(super) fn check_endpoint(endpoint: Option<&LocatedValue<String>>) -> Result<(), ValueError> {
    let Some(endpoint) = endpoint else {
        return Ok(());
    };
    let host = endpoint
        .value
        .strip_prefix("http://")
        .or_else(|| endpoint.value.strip_prefix("https://"));
    if host.is_some_and(|host| needs_no_quotes(host) && !host.starts_with('/')) {
        return Ok(());
    }
    let shown = without_credentials(&endpoint.value);
    let message = format!(
        "invalid `endpoint` `{shown}`: expected `http://` or `https://` with a host and a port"
    );
    Err(endpoint.error(
        message,
        "write the address of the storage, such as `http://127.0.0.1:9000`",
    ))
}

/// Checks a word that is used in commands. `as_in` is an example.
pub(super) fn check_unquoted_word(
    name: &str,
    word: Option<&LocatedValue<String>>,
    as_in: &str,
) -> Result<(), ValueError> {
    let Some(word) = word.filter(|word| !needs_no_quotes(&word.value)) else {
        return Ok(());
    };
    let message = format!(
        "invalid {name} `{}`: expected letters, digits and `/._-:`",
        word.value
    );
    Err(word.error(message, format!("write a word such as `{as_in}`")))
}
