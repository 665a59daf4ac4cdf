//! Redaction of secrets in texts for people.
//!
//! Addresses can contain a password, and programs repeat their arguments.

use std::borrow::Cow;
use std::sync::OnceLock;

/// Replacement for a secret.
const HIDDEN: &str = "***";

/// Length of the shortest value that is redacted: a shorter one may be an ordinary word.
const SHORTEST: usize = 8;

/// Texts that precede a secret.
const MARKS: [&str; 5] = [
    "Bearer ",
    "X-Amz-Signature=",
    "X-Amz-Credential=",
    "X-Amz-Security-Token=",
    "password=",
];

/// Redacts a text.
///
/// Removes user names and passwords in addresses, tokens, and the values of this process's
/// environment variables that contain secrets, such as those of AWS.
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for secret in secrets() {
        if text.contains(secret) {
            text = Cow::Owned(text.replace(secret, HIDDEN));
        }
    }
    for mark in MARKS {
        text = hide(text, mark, |rest| {
            Some(rest.find(ends).unwrap_or(rest.len()))
        });
    }
    hide(text, "://", |rest| {
        let host = rest.find(|c: char| ends(c) || "/?#".contains(c));
        rest[..host.unwrap_or(rest.len())].rfind('@')
    })
}

/// Hides the first `length` bytes after each mark.
fn hide<'a>(
    text: Cow<'a, str>,
    mark: &str,
    length: impl Fn(&str) -> Option<usize>,
) -> Cow<'a, str> {
    if !text.contains(mark) {
        return text;
    }
    let mut parts = text.split(mark);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(mark);
        match length(part).filter(|length| *length > 0) {
            Some(length) => {
                shown.push_str(HIDDEN);
                shown.push_str(&part[length..]);
            }
            None => shown.push_str(part),
        }
    }
    Cow::Owned(shown)
}

fn ends(c: char) -> bool {
    c.is_whitespace() || "\"'`<>&,;)\\".contains(c)
}

/// The values of environment variables whose names indicate a secret, read once.
fn secrets() -> &'static [String] {
    static SECRETS: OnceLock<Vec<String>> = OnceLock::new();
    SECRETS.get_or_init(|| {
        let is_secret = |name: &str| {
            let words = ["SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY"];
            // The path or address of a secret is not a secret.
            let places = ["FILE", "PATH", "DIR", "URI", "URL"];
            words.iter().any(|word| name.contains(word))
                && !places.iter().any(|place| name.ends_with(place))
        };
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST)
            .map(|(_, value)| value)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_is_not() {
        for (text, shown) in [
            (
                "Ray at http://me:pass@head:8265/x answers 401",
                "Ray at http://***@head:8265/x answers 401",
            ),
            (
                "s3://key@host s3://bucket/a@b `https://u:p%40@h`",
                "s3://***@host s3://bucket/a@b `https://***@h`",
            ),
            ("sent \"Bearer abc.def\" twice", "sent \"Bearer ***\" twice"),
            (
                "GET /x?X-Amz-Credential=AKIA&X-Amz-Signature=00ff",
                "GET /x?X-Amz-Credential=***&X-Amz-Signature=***",
            ),
            ("a run at 3://", "a run at 3://"),
            ("mail me@host", "mail me@host"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }
}
