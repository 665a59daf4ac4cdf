//! How an answer that may be missing stands in JSON.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// How a field that may be refused looks in JSON: the answer, or the reason that there is none.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Answer<T> {
    /// The answer.
    Given(T),
    /// There is none.
    Refused {
        /// Why.
        refused: String,
    },
}

/// The answer itself, or `{"refused": "why there is none"}`.
pub(super) fn answer<T: Serialize, R: Display, S: Serializer>(
    given: &Result<T, R>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let answer = given.as_ref().map_or_else(
        |reason| Answer::Refused {
            refused: reason.to_string(),
        },
        Answer::Given,
    );
    answer.serialize(to)
}
