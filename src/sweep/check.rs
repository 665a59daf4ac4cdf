//! Checks after parsing. Each error has a location, the value found, the values allowed, and a
//! hint.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::error::ValueError;
use super::{FiniteNumber, LocatedValue, WholeNumber};

impl LocatedValue<FiniteNumber> {
    /// Returns the number if it is in the range. A range that starts at the least positive number
    /// excludes 0.
    pub(super) fn within(
        &self,
        what: &str,
        allowed: RangeInclusive<f64>,
    ) -> Result<f64, ValueError> {
        let value = self.value.0;
        if allowed.contains(&value) {
            return Ok(value);
        }
        let (least, most) = (*allowed.start(), short(*allowed.end()));
        let range = if least == f64::MIN_POSITIVE {
            format!("above 0, up to {most}")
        } else {
            format!("{} to {most}", short(least))
        };
        Err(self.out_of_range(what, value, &range))
    }
}

impl LocatedValue<WholeNumber> {
    /// Returns the count if it is in the range.
    pub(super) fn within(
        &self,
        what: &str,
        allowed: RangeInclusive<u64>,
    ) -> Result<u64, ValueError> {
        let value = self.value.0;
        if allowed.contains(&value) {
            return Ok(value);
        }
        let range = format!("{} to {}", allowed.start(), allowed.end());
        Err(self.out_of_range(what, value as f64, &range))
    }
}

impl<T> LocatedValue<T> {
    fn out_of_range(&self, what: &str, value: f64, range: &str) -> ValueError {
        let message = format!(
            "{what} is out of range: expected {range}, found {}",
            short(value)
        );
        self.error(message, "choose a value within that range")
    }

    /// Checks that a name is safe as a folder and in a table.
    pub(super) fn check_name(&self, what: &str, name: &str) -> Result<(), ValueError> {
        if is_name(name) {
            return Ok(());
        }
        let message =
            format!("invalid {what} `{name}`: expected up to 64 letters, digits, `_`, `-` and `.`");
        Err(self.error(message, "choose another name"))
    }
}

impl<T> LocatedValue<Vec<T>> {
    pub(super) fn not_empty(&self, key: &str, hint: &str) -> Result<(), ValueError> {
        if self.value.is_empty() {
            return Err(self.error(format!("`{key}` is an empty list"), hint));
        }
        Ok(())
    }
}

/// Checks each value of a list with `value`, and that all values differ.
pub(super) fn distinct<T, U: PartialEq + Display>(
    what: &str,
    list: &[LocatedValue<T>],
    value: impl Fn(&LocatedValue<T>) -> Result<U, ValueError>,
) -> Result<Vec<LocatedValue<U>>, ValueError> {
    let mut values: Vec<LocatedValue<U>> = Vec::new();
    for entry in list {
        let value = value(entry)?;
        if values.iter().any(|earlier| earlier.value == value) {
            let message = format!("duplicate {what} `{value}`");
            return Err(entry.error(message, "remove one of them"));
        }
        values.push(entry.with(value));
    }
    Ok(values)
}

/// Reports whether a name is safe as a folder and in a table.
pub fn is_name(name: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= 64 && name.chars().all(safe) && !name.starts_with('.')
}

/// Formats a number in few characters.
fn short(value: f64) -> String {
    let plain = value == 0.0 || (1e-4..1e7).contains(&value.abs());
    if plain {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}
