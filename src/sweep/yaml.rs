//! YAML parsing by the rules of sweep files, and messages for the parser's errors.

use serde::de::DeserializeOwned;
use serde_yaml::Error as Yaml;

use super::error::{ValueError, suggestion};

/// Parses YAML by the rules of sweep files.
pub(super) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, Yaml> {
    let options = serde_yaml::options! { strict_booleans: true, with_snippet: false };
    serde_yaml::from_str_with_options(text, options)
}

/// Message, location and hint of an error of the parser or of serde.
impl From<Yaml> for ValueError {
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
        empty if is_empty(empty) => "missing value".to_owned(),
        SerdeUnknownField {
            field, expected, ..
        } => {
            format!("unknown key `{field}`, expected {}", one_of(expected))
        }
        SerdeUnknownVariant {
            variant, expected, ..
        } => {
            format!("invalid value `{variant}`, expected {}", one_of(expected))
        }
        Yaml::SerdeMissingField { field, .. } => format!("missing key `{field}`"),
        Yaml::DuplicateMappingKey { key, .. } => {
            format!("duplicate key `{}`", key.as_deref().unwrap_or("a key"))
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
            format!("expected {expected}, found {}", found(unexpected))
        }
        Yaml::NonFiniteFloat { value, .. } => format!("`{value}` is not a finite number"),
        Yaml::Eof { .. } => "the file is empty or incomplete".to_owned(),
        Yaml::Unexpected { expected, .. } => unexpected(expected).0,
        Yaml::Budget { .. } => {
            "the file is too large, is nested too deeply, or repeats too many aliases".to_owned()
        }
        other => parser_message(other),
    }
}

fn hint(error: &Yaml) -> String {
    let hint = match error {
        empty if is_empty(empty) => "write a value, or remove the key",
        Yaml::SerdeUnknownField {
            field, expected, ..
        } => return suggestion(field, expected, "key"),
        Yaml::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            return suggestion(variant, expected, "value");
        }
        Yaml::SerdeMissingField { field, .. } => {
            return format!("add `{field}:` here; docs/sweep-reference.md explains it");
        }
        Yaml::DuplicateMappingKey { key, .. } => {
            return format!("keep one `{}`", key.as_deref().unwrap_or("a key"));
        }
        Yaml::SerdeInvalidType { .. } | Yaml::SerdeInvalidValue { .. } => {
            "change the value; docs/sweep-reference.md explains every key"
        }
        Yaml::NonFiniteFloat { .. } => "give a finite number",
        Yaml::Eof { .. } => "start from a copy of `sweeps/quickstart.yaml`",
        Yaml::Unexpected { expected, .. } => return unexpected(expected).1,
        Yaml::Budget { .. } => "simplify the file",
        _ => "fix this line; docs/sweep-reference.md explains every key",
    };
    hint.to_owned()
}

/// True if the error is a key without a value.
fn is_empty(error: &Yaml) -> bool {
    match error {
        Yaml::SerdeInvalidType { unexpected, .. } => unexpected == "unit value",
        other => other.to_string().starts_with("cannot deserialize null"),
    }
}

/// The kind of a value that was found, in the words of sweep files.
fn found(unexpected: &str) -> &str {
    match unexpected {
        "sequence" => "a list",
        "map" => "a mapping",
        other => other,
    }
}

/// Message and hint for a node of another kind than the parser expects.
fn unexpected(expected: &str) -> (String, String) {
    let expected = match expected {
        "mapping end" => {
            let message = "expected one choice, found several";
            return (message.to_owned(), "keep one of them".to_owned());
        }
        "sequence start" => "a list such as `[1, 2]`",
        "mapping start" => "a mapping of keys to values",
        "string scalar" => "text",
        other => other,
    };
    (
        format!("expected {expected}"),
        format!("write {expected} here"),
    )
}

/// The parser's message in the style of the others. Its location is removed, because the prefix has
/// it.
fn parser_message(error: &Yaml) -> String {
    let text = error.to_string();
    let text = text
        .split(" at line ")
        .next()
        .unwrap_or(&text)
        .trim_end_matches([',', '.', ':', ' ']);
    let text = match text {
        "invalid u8" | "invalid u32" | "invalid u64" => "expected a whole number within range",
        "invalid floating point value" | "invalid floating point" => "expected a number",
        "invalid boolean (strict mode expects true/false)" => "expected `true` or `false`",
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
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        several => format!("one of {}", several.join(", ")),
    }
}
