//! Checks after parsing. Each failure names the place, what was found, what is allowed, and what to do.

use std::ops::RangeInclusive;
use std::path::Path;

use super::{At, Count, Number, SweepError, SweepFile};
use isoflop_core::arch::Contradiction;
use isoflop_core::run::Schedule;

#[derive(Clone, Copy, Debug)]
pub(super) struct Check<'a> {
    pub(super) path: &'a Path,
}

impl Check<'_> {
    pub(super) fn at<T>(
        &self,
        place: &At<T>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> SweepError {
        let place = (place.line > 0).then_some((place.line, place.column));
        SweepError {
            path: self.path.to_owned(),
            place,
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn not_empty<T>(
        &self,
        key: &str,
        list: &At<Vec<T>>,
        hint: &str,
    ) -> Result<(), SweepError> {
        if list.value.is_empty() {
            Err(self.at(list, format!("`{key}` is an empty list"), hint))
        } else {
            Ok(())
        }
    }

    /// The values of a list, each as `value` checks it, which must differ.
    pub(super) fn distinct<T, U: PartialEq + std::fmt::Display>(
        &self,
        what: &str,
        list: &[At<T>],
        value: impl Fn(&At<T>) -> Result<U, SweepError>,
    ) -> Result<Vec<At<U>>, SweepError> {
        let mut values: Vec<At<U>> = Vec::new();
        for entry in list {
            let value = value(entry)?;
            if values.iter().any(|earlier| earlier.value == value) {
                let message = format!("the {what} {value} stands twice");
                return Err(self.at(entry, message, "remove one of them"));
            }
            values.push(entry.with(value));
        }
        Ok(values)
    }

    pub(super) fn within(
        &self,
        what: &str,
        number: &At<Number>,
        allowed: RangeInclusive<f64>,
    ) -> Result<f64, SweepError> {
        let value = number.value.0;
        if allowed.contains(&value) {
            return Ok(value);
        }
        let (least, most) = (allowed.start(), allowed.end());
        let (value, most) = (short(value), short(*most));
        let above_zero = *least == f64::MIN_POSITIVE;
        let range = if above_zero {
            format!("above 0, up to {most}")
        } else {
            format!("{} to {most}", short(*least))
        };
        Err(self.at(
            number,
            format!("{what} is {value}, allowed is {range}"),
            "choose a value within that range",
        ))
    }

    pub(super) fn count(
        &self,
        what: &str,
        count: &At<Count>,
        allowed: RangeInclusive<u64>,
    ) -> Result<u64, SweepError> {
        let value = count.value.0;
        if allowed.contains(&value) {
            return Ok(value);
        }
        let (value, range) = (
            short(value as f64),
            format!("{} to {}", allowed.start(), allowed.end()),
        );
        Err(self.at(
            count,
            format!("{what} is {value}, allowed is {range}"),
            "choose a value within that range",
        ))
    }

    /// A name that is safe as a folder and in a table.
    pub(super) fn word<T>(&self, what: &str, name: &str, place: &At<T>) -> Result<(), SweepError> {
        if is_name(name) {
            return Ok(());
        }
        Err(self.at(
            place,
            format!("{what} is `{name}`, allowed are up to 64 letters, digits, `_`, `-` and `.`"),
            "choose another name",
        ))
    }

    /// An architecture whose choices exclude each other, or a size.
    pub(super) fn contradiction<T>(
        &self,
        place: &At<T>,
        name: &str,
        reason: &Contradiction,
    ) -> SweepError {
        self.at(
            place,
            format!("`{name}` cannot be: {reason}"),
            reason.hint(),
        )
    }

    /// The sweep's name: its own, or the file's.
    pub(super) fn name(&self, file: &SweepFile) -> Result<String, SweepError> {
        let stem = || {
            self.path
                .file_stem()
                .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
        };
        let name = file.name.clone().unwrap_or_else(|| At::nowhere(stem()));
        self.word("the sweep's name", &name.value, &name)?;
        Ok(name.value)
    }

    pub(super) fn schedule(&self, schedule: &At<Schedule>) -> Result<(), SweepError> {
        let fractions: &[(&str, f64)] = match &schedule.value {
            Schedule::Cosine { warmup, floor } | Schedule::Linear { warmup, floor } => {
                &[("warmup", *warmup), ("floor", *floor)]
            }
            Schedule::Wsd { decay, floor, .. } => &[("decay", *decay), ("floor", *floor)],
            Schedule::Rsqrt {
                constant_steps: 0, ..
            } => {
                let message = "`constant_steps` is 0, allowed is 1 and more";
                return Err(self.at(
                    schedule,
                    message,
                    "give the steps before the fall, for example 10000",
                ));
            }
            Schedule::Rsqrt { .. } => &[],
        };
        for (name, value) in fractions {
            if !(0.0..=1.0).contains(value) {
                return Err(self.at(
                    schedule,
                    format!("`{name}` is {value}, allowed is 0 to 1"),
                    "give it as a fraction of the run",
                ));
            }
        }
        Ok(())
    }
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

impl SweepFile {
    /// Name of the sweep's folders in results and reports.
    ///
    /// # Errors
    /// [`SweepError`] when the name is no folder's.
    pub fn folder_name(&self, path: &Path) -> Result<String, SweepError> {
        Check { path }.name(self)
    }
}
