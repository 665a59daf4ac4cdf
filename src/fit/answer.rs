//! JSON form of an answer that may be missing.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// An answer in JSON, or the reason that it is missing.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FitAnswer<T> {
    /// The answer.
    Value(T),
    /// Refused answer.
    Refused {
        /// Reason that the answer is missing.
        refused: String,
    },
}

/// Serializes the answer itself, or `{"refused": "reason"}`.
pub(super) fn answer<T: Serialize, R: Display, S: Serializer>(
    given: &Result<T, R>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let answer = given.as_ref().map_or_else(
        |reason| FitAnswer::Refused {
            refused: reason.to_string(),
        },
        FitAnswer::Value,
    );
    answer.serialize(to)
}
