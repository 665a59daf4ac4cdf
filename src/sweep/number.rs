//! Numbers as researchers write them: `1e12`, `1_000`, `50M`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::units::parse_number;

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Number(pub f64);

/// A whole number, zero or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number such as `1e12`, `1_000`, `50M` or `2.5`")
    }

    fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u128<E>(self, value: u128) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        if value.is_finite() { Ok(value) } else { Err(E::custom(format!("`{value}` is not a finite number"))) }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        parse_number(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(NumberVisitor)?;
        // Above 2^53 a double no longer holds every whole number.
        if value < 0.0 || value.fract() != 0.0 || value > 9e15 {
            return Err(de::Error::custom(format!("`{value}` is not a whole number from 0 to 9e15")));
        }
        Ok(Self(value as u64))
    }
}

/// A number, or a text such as `50M`.
fn number_schema() -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "number" },
            { "type": "string", "pattern": "^[+-]?[0-9][0-9_.]*([eE][+-]?[0-9]+)?[kKMBGT]?$" }
        ]
    })
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        number_schema()
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        number_schema()
    }
}
