//! A value with its location in the file, so that a check after parsing can report the location.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use super::error::ValueError;

/// A value with its line and column, from 1; both are 0 for a default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocatedValue<T> {
    /// The value.
    pub value: T,
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

impl<T> LocatedValue<T> {
    /// Another value at the same location: a part of this one that has no separate location.
    pub(super) fn with<U>(&self, value: U) -> LocatedValue<U> {
        LocatedValue {
            value,
            line: self.line,
            column: self.column,
        }
    }

    /// An error at this value.
    pub(super) fn error(&self, message: impl Into<String>, hint: impl Into<String>) -> ValueError {
        ValueError {
            place: (self.line > 0).then_some((self.line, self.column)),
            ..ValueError::of_file(message, hint)
        }
    }

    /// A value without a location: a default.
    pub fn without_location(value: T) -> Self {
        Self {
            value,
            line: 0,
            column: 0,
        }
    }
}

impl<T: Default> Default for LocatedValue<T> {
    fn default() -> Self {
        Self::without_location(T::default())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for LocatedValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_yaml::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            column: spanned.referenced.column(),
            value: spanned.value,
        })
    }
}

impl<T: JsonSchema> JsonSchema for LocatedValue<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
