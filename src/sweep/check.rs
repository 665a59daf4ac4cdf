//! Checks after parsing. Each failure names the place, what was found, what is allowed, and what to do.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::error::Fault;
use super::{At, Count, Number};

impl At<Number> {
    /// The number, if it is in the range; the least positive number as its start means that 0 is not in it.
    pub(super) fn within(&self, what: &str, allowed: RangeInclusive<f64>) -> Result<f64, Fault> {
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

impl At<Count> {
    /// The count, if it is in the range.
    pub(super) fn within(&self, what: &str, allowed: RangeInclusive<u64>) -> Result<u64, Fault> {
        let value = self.value.0;
        if allowed.contains(&value) {
            return Ok(value);
        }
        let range = format!("{} to {}", allowed.start(), allowed.end());
        Err(self.out_of_range(what, value as f64, &range))
    }
}

impl<T> At<T> {
    fn out_of_range(&self, what: &str, value: f64, range: &str) -> Fault {
        let message = format!("{what} is {}, allowed is {range}", short(value));
        self.fault(message, "choose a value within that range")
    }

    /// Refuses a name that is not safe as a folder and in a table.
    pub(super) fn check_name(&self, what: &str, name: &str) -> Result<(), Fault> {
        if is_name(name) {
            return Ok(());
        }
        let message =
            format!("{what} is `{name}`, allowed are up to 64 letters, digits, `_`, `-` and `.`");
        Err(self.fault(message, "choose another name"))
    }
}

impl<T> At<Vec<T>> {
    pub(super) fn not_empty(&self, key: &str, hint: &str) -> Result<(), Fault> {
        if self.value.is_empty() {
            return Err(self.fault(format!("`{key}` is an empty list"), hint));
        }
        Ok(())
    }
}

/// The values of a list, each as `value` checks it, which must differ.
pub(super) fn distinct<T, U: PartialEq + Display>(
    what: &str,
    list: &[At<T>],
    value: impl Fn(&At<T>) -> Result<U, Fault>,
) -> Result<Vec<At<U>>, Fault> {
    let mut values: Vec<At<U>> = Vec::new();
    for entry in list {
        let value = value(entry)?;
        if values.iter().any(|earlier| earlier.value == value) {
            let message = format!("the {what} {value} stands twice");
            return Err(entry.fault(message, "remove one of them"));
        }
        values.push(entry.with(value));
    }
    Ok(values)
}

/// Whether a name is safe as a folder and in a table.
pub fn is_name(name: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= 64 && name.chars().all(safe) && !name.starts_with('.')
}

/// A number in few characters.
fn short(value: f64) -> String {
    let plain = value == 0.0 || (1e-4..1e7).contains(&value.abs());
    if plain {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}
