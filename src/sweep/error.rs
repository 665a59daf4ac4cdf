//! What is wrong with a sweep file: where, what was found, what is allowed, and what to do.

use std::path::{Path, PathBuf};

use serde_yaml::Error as Yaml;

/// A fault in a sweep file, or in what it names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", self.prefix())]
pub struct SweepError {
    /// The file.
    pub path: PathBuf,
    /// Line and column, from 1.
    pub place: Option<(u64, u64)>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl SweepError {
    fn prefix(&self) -> String {
        match self.place {
            Some((line, column)) => format!("`{}:{line}:{column}`: ", self.path.display()),
            None => format!("`{}`: ", self.path.display()),
        }
    }

    /// A fault of the file as a whole.
    pub(super) fn whole(path: &Path, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A fault that the YAML parser or serde found.
    pub(super) fn from_yaml(path: &Path, error: &Yaml) -> Self {
        let error = error.without_snippet();
        let place = error
            .location()
            .map(|l| (l.line(), l.column()))
            .filter(|(line, _)| *line > 0);
        let (message, hint) = words(error);
        Self {
            path: path.to_owned(),
            place,
            message,
            hint,
        }
    }
}

fn words(error: &Yaml) -> (String, String) {
    match error {
        Yaml::SerdeUnknownField {
            field, expected, ..
        } => (
            format!("unknown field `{field}`, expected {}", one_of(expected)),
            nearest(field, expected, "key"),
        ),
        Yaml::SerdeUnknownVariant {
            variant, expected, ..
        } => (
            format!("unknown value `{variant}`, expected {}", one_of(expected)),
            nearest(variant, expected, "value"),
        ),
        Yaml::SerdeMissingField { field, .. } => (
            format!("the key `{field}` is missing"),
            format!("add `{field}:` here; sweeps/README.md explains it"),
        ),
        Yaml::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            (
                format!("the key `{key}` stands twice in one mapping"),
                format!("keep one `{key}`"),
            )
        }
        Yaml::SerdeInvalidType { unexpected, .. } if unexpected == "unit value" => nothing_there(),
        Yaml::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Yaml::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => (
            format!("found {unexpected}, expected {expected}"),
            "change the value; sweeps/README.md explains every key".to_owned(),
        ),
        Yaml::NonFiniteFloat { value, .. } => (
            format!("`{value}` is not a finite number"),
            "give a number".to_owned(),
        ),
        Yaml::Eof { .. } => (
            "the file is empty, or ends too early".to_owned(),
            "start from a copy of `sweeps/quickstart.yaml`".to_owned(),
        ),
        Yaml::Unexpected { expected, .. } if *expected == "mapping end" => (
            "two choices stand where one is wanted".to_owned(),
            "keep one of them".to_owned(),
        ),
        Yaml::Unexpected { expected, .. } => (
            format!("expected {}", plain(expected)),
            format!("write {} here", plain(expected)),
        ),
        Yaml::Budget { .. } => (
            "the file nests or repeats too much".to_owned(),
            "write it plainly".to_owned(),
        ),
        other if other.to_string().starts_with("cannot deserialize null") => nothing_there(),
        other => (
            own_words(other),
            "mend this line; sweeps/README.md explains every key".to_owned(),
        ),
    }
}

/// `key:` and nothing behind it.
fn nothing_there() -> (String, String) {
    (
        "nothing stands behind this key".to_owned(),
        "write a value, or remove the key".to_owned(),
    )
}

/// The parser's terms, in a writer's words.
fn plain(expected: &str) -> &str {
    match expected {
        "sequence start" => "a list, such as `[1, 2]`",
        "mapping start" => "a mapping of keys to values",
        "string scalar" => "a text",
        other => other,
    }
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

/// A hint: the nearest allowed word, if any is near.
pub fn nearest(found: &str, allowed: &[&str], what: &str) -> String {
    let score = |name: &&&str| (strsim::jaro_winkler(found, name) * 1e6) as u64;
    match allowed
        .iter()
        .max_by_key(score)
        .filter(|name| score(name) > 750_000)
    {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("use an allowed {what}, or remove this one"),
    }
}
