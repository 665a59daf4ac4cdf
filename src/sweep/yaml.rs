//! YAML by the rules of sweep files, and the parser's errors in our words.

use serde::de::DeserializeOwned;
use serde_yaml::Error as Yaml;

use super::error::{Fault, nearest};

/// Reads YAML by the rules of sweep files.
pub(super) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, Yaml> {
    let options = serde_yaml::options! { strict_booleans: true, with_snippet: false };
    serde_yaml::from_str_with_options(text, options)
}

/// A fault that the parser or serde found.
impl From<Yaml> for Fault {
    fn from(error: Yaml) -> Self {
        let error = error.without_snippet();
        let place = error.location().map(|l| (l.line(), l.column()));
        Self {
            place: place.filter(|(line, _)| *line > 0),
            message: message(error),
            hint: hint(error),
        }
    }
}

fn message(error: &Yaml) -> String {
    use Yaml::{SerdeInvalidType, SerdeInvalidValue, SerdeUnknownField, SerdeUnknownVariant};
    match error {
        empty if is_empty(empty) => "nothing stands behind this key".to_owned(),
        SerdeUnknownField {
            field, expected, ..
        } => {
            format!("unknown field `{field}`, expected {}", one_of(expected))
        }
        SerdeUnknownVariant {
            variant, expected, ..
        } => {
            format!("unknown value `{variant}`, expected {}", one_of(expected))
        }
        Yaml::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        Yaml::DuplicateMappingKey { key, .. } => {
            format!(
                "the key `{}` stands twice in one mapping",
                key.as_deref().unwrap_or("a key")
            )
        }
        SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => {
            format!("found {unexpected}, expected {expected}")
        }
        Yaml::NonFiniteFloat { value, .. } => format!("`{value}` is not a finite number"),
        Yaml::Eof { .. } => "the file is empty, or ends too early".to_owned(),
        Yaml::Unexpected { expected, .. } => unexpected(expected).0,
        Yaml::Budget { .. } => "the file nests or repeats too much".to_owned(),
        other => own_words(other),
    }
}

fn hint(error: &Yaml) -> String {
    let hint = match error {
        empty if is_empty(empty) => "write a value, or remove the key",
        Yaml::SerdeUnknownField {
            field, expected, ..
        } => return nearest(field, expected, "key"),
        Yaml::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            return nearest(variant, expected, "value");
        }
        Yaml::SerdeMissingField { field, .. } => {
            return format!("add `{field}:` here; sweeps/README.md explains it");
        }
        Yaml::DuplicateMappingKey { key, .. } => {
            return format!("keep one `{}`", key.as_deref().unwrap_or("a key"));
        }
        Yaml::SerdeInvalidType { .. } | Yaml::SerdeInvalidValue { .. } => {
            "change the value; sweeps/README.md explains every key"
        }
        Yaml::NonFiniteFloat { .. } => "give a number",
        Yaml::Eof { .. } => "start from a copy of `sweeps/quickstart.yaml`",
        Yaml::Unexpected { expected, .. } => return unexpected(expected).1,
        Yaml::Budget { .. } => "write it plainly",
        _ => "mend this line; sweeps/README.md explains every key",
    };
    hint.to_owned()
}

/// Whether the fault is `key:` and nothing behind it.
fn is_empty(error: &Yaml) -> bool {
    match error {
        Yaml::SerdeInvalidType { unexpected, .. } => unexpected == "unit value",
        other => other.to_string().starts_with("cannot deserialize null"),
    }
}

/// Message and hint where another kind of node stands than the parser expects.
fn unexpected(expected: &str) -> (String, String) {
    let expected = match expected {
        "mapping end" => {
            let message = "two choices stand where one is wanted";
            return (message.to_owned(), "keep one of them".to_owned());
        }
        "sequence start" => "a list, such as `[1, 2]`",
        "mapping start" => "a mapping of keys to values",
        "string scalar" => "a text",
        other => other,
    };
    (
        format!("expected {expected}"),
        format!("write {expected} here"),
    )
}

/// The parser's sentence in our style. Where it says the place too, that is said once, before it.
fn own_words(error: &Yaml) -> String {
    let text = error.to_string();
    let text = text
        .split(" at line ")
        .next()
        .unwrap_or(&text)
        .trim_end_matches([',', '.', ':', ' ']);
    let text = match text {
        "invalid u8" | "invalid u32" | "invalid u64" => "this is no whole number within reach",
        "invalid floating point value" | "invalid floating point" => "this is no number",
        other => other,
    };
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

fn one_of(expected: &[&str]) -> String {
    let quoted: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing here".to_owned(),
        [only] => only.clone(),
        several => format!("one of {}", several.join(", ")),
    }
}
