//! Numbers as researchers write them: `1e12`, `1_000`, `50M`.

use std::time::Duration;

use schemars::{Schema, json_schema};
use serde::de::{self, Deserialize, Deserializer};

use isoflop_core::units::number;

/// A finite number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct FiniteNumber(pub f64);

/// A whole number, zero or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WholeNumber(pub u64);

impl FiniteNumber {
    /// The number as a duration in seconds.
    pub fn seconds(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for FiniteNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = number(deserializer)?;
        // Above 2^53 a double cannot represent every whole number.
        if value < 0.0 || value.fract() != 0.0 || value > 9e15 {
            return Err(de::Error::custom(format!(
                "expected a whole number from 0 to 9e15, found `{value}`"
            )));
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

written!(FiniteNumber, "Number", |_| number_schema());

written!(WholeNumber, "Count", |_| number_schema());
