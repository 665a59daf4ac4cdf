//! Quantities as types: a token count is not a parameter count, and FLOPs per token times tokens is
//! FLOPs.
//!
//! FLOPs is a count of floating-point operations (a multiply-add is two). FLOP/s is a rate, and is
//! never stored in these types.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Add, Mul};

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// A number of tokens.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Tokens(pub u64);

/// A number of parameters (scalars that are trained).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ParamCount(pub u64);

/// Floating-point operations for one token, an exact count.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct FlopsPerToken(pub u64);

/// Total number of floating-point operations. Exact up to 2^53; above that, an exact product
/// rounded once.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flops(pub f64);

/// A number in IEEE 754's total order, usable as a key. Two keys are equal if their bits are equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberKey(pub f64);

impl PartialEq for NumberKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for NumberKey {}

impl PartialOrd for NumberKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NumberKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for NumberKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Mul<Tokens> for FlopsPerToken {
    type Output = Flops;
    fn mul(self, tokens: Tokens) -> Flops {
        Flops((u128::from(self.0) * u128::from(tokens.0)) as f64)
    }
}

impl Add for Flops {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::iter::Sum for Flops {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0.0), Add::add)
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&si(self.0 as f64))
    }
}

impl fmt::Display for ParamCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&si(self.0 as f64))
    }
}

impl fmt::Display for Flops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2e}", self.0))
    }
}

/// Formats a number with three significant digits and an SI suffix: `1234567` is `1.23M`.
pub fn si(value: f64) -> String {
    const STEPS: [(f64, &str); 5] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"), (1.0, "")];
    for (step, suffix) in STEPS {
        // 999.5 would round to 1000 of this step. Show it as 1.00 of the next.
        if value.abs() >= step * 0.9995 && value.abs() >= 1.0 {
            let scaled = value / step;
            let decimals = match scaled {
                _ if suffix.is_empty() => 0,
                ..9.995 => 2,
                ..99.95 => 1,
                _ => 0,
            };
            return format!("{scaled:.decimals$}{suffix}");
        }
    }
    match value.abs() {
        0.0 => "0".to_owned(),
        0.01.. => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

/// Formats a whole number with thousands separators: `536,537,600`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let separated = |(i, digit): (usize, char)| {
        let comma = i > 0 && (digits.len() - i).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(separated).collect()
}

/// Formats a duration: `4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0);
    if s < 9.95 {
        return format!("{s:.1} s");
    }
    let total = s.round() as u64;
    match total {
        0..60 => format!("{total} s"),
        60..3600 => format!("{} min {} s", total / 60, total % 60),
        3600..86_400 => format!("{} h {} min", total / 3600, total % 3600 / 60),
        _ => format!("{} d {} h", total / 86_400, total % 86_400 / 3600),
    }
}

/// Formats bytes in binary units: `512 MiB`.
pub fn bytes(count: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (step, suffix) in STEPS {
        if count >= step {
            let scaled = count as f64 / step as f64;
            let decimals = usize::from(scaled < 9.95);
            return format!("{scaled:.decimals$} {suffix}");
        }
    }
    format!("{count} B")
}

/// Reason that a text is not an accepted number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Text that is not a number.
    #[error("`{0}` is not a number; write it as `1e12`, `1_000`, `50M` or `2.5`")]
    NotANumber(String),
    /// Number that is NaN or infinite.
    #[error("`{0}` is not a finite number")]
    NotFinite(String),
}

/// Parses a number as researchers write it: `1e12`, `1_000_000`, `50M`, `2.5k`, `1B`.
///
/// Suffixes are decimal: k, M, B or G, T.
///
/// # Errors
/// [`NumberError`] if the text is not a finite number.
pub fn parse_number(text: &str) -> Result<f64, NumberError> {
    let clean: String = text.trim().chars().filter(|c| *c != '_').collect();
    let (digits, scale) = match clean.chars().last() {
        Some('k' | 'K') => (&clean[..clean.len() - 1], 1e3),
        Some('M') => (&clean[..clean.len() - 1], 1e6),
        Some('B' | 'G') => (&clean[..clean.len() - 1], 1e9),
        Some('T') => (&clean[..clean.len() - 1], 1e12),
        _ => (clean.as_str(), 1.0),
    };
    let starts_right =
        digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let value: f64 = match digits.trim_end().parse() {
        Ok(value) if starts_right => value,
        _ => return Err(NumberError::NotANumber(text.to_owned())),
    };
    let value = value * scale;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(NumberError::NotFinite(text.to_owned()))
    }
}

/// Deserializes a finite number from a number, or from a text that [`parse_number`] reads.
///
/// # Errors
/// The format's error, if the value is not a finite number.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(NumberVisitor)
}

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
        if value.is_finite() {
            Ok(value)
        } else {
            Err(E::custom(format!("`{value}` is not a finite number")))
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        parse_number(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flops_are_the_exact_product() {
        assert_eq!(
            FlopsPerToken(3_000_000_001) * Tokens(3),
            Flops(9_000_000_003.0)
        );
    }

    #[test]
    fn numbers_as_people_write_them() {
        for (text, value) in [
            ("1e12", 1e12),
            ("50M", 5e7),
            ("1_000", 1e3),
            ("2.5k", 2500.0),
            ("1B", 1e9),
            ("-3", -3.0),
        ] {
            assert_eq!(parse_number(text), Ok(value), "{text}");
        }
        for text in ["", "M", "ten", "inf", "nan", "1e999", "1M2", "1e", "e5"] {
            assert!(parse_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn three_significant_digits() {
        let shown: Vec<String> = [7.0, 999.0, 1000.0, 35_345_678.0, 999_600.0, 1.5e9]
            .map(si)
            .to_vec();
        assert_eq!(shown, ["7", "999", "1.00k", "35.3M", "1.00M", "1.50B"]);
    }

    #[test]
    fn durations_and_bytes() {
        assert_eq!(duration(3.21), "3.2 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(90_000.0), "1 d 1 h");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
    }
}
