//! Times and amounts of memory in Slurm's notation.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::json_schema;
use serde::de::{self, Visitor};

/// A time limit, s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlurmTime(pub u64);

/// An amount of memory, as `sbatch --mem` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlurmMemory(pub String);

/// Longest time limit, s. A longer one is probably a mistake.
const YEAR: u64 = 366 * 24 * 3600;

impl FromStr for SlurmTime {
    type Err = String;

    /// Parses minutes, `minutes:seconds`, `hours:minutes:seconds`, `days-hours`,
    /// `days-hours:minutes` or `days-hours:minutes:seconds`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "invalid time limit `{text}`: expected minutes such as `90`, or one of `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`"
            )
        };
        let (days, rest) = text
            .split_once('-')
            .map_or((None, text), |(days, rest)| (Some(days), rest));
        let parts: Vec<u64> = rest
            .split(':')
            .map(parse_digits)
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let seconds = match (days.map(parse_digits), parts.as_slice()) {
            (None, [minutes]) => minutes * 60,
            (None, [minutes, seconds]) => minutes * 60 + seconds,
            (None, [hours, minutes, seconds]) => (hours * 60 + minutes) * 60 + seconds,
            (Some(Some(days)), [hours]) => (days * 24 + hours) * 3600,
            (Some(Some(days)), [hours, minutes]) => ((days * 24 + hours) * 60 + minutes) * 60,
            (Some(Some(days)), [hours, minutes, seconds]) => {
                ((days * 24 + hours) * 60 + minutes) * 60 + seconds
            }
            _ => return Err(wrong()),
        };
        if !(1..=YEAR).contains(&seconds) {
            return Err(format!(
                "time limit `{text}` is out of range: expected 1 s to a year, found {seconds} s"
            ));
        }
        Ok(Self(seconds))
    }
}

/// Parses digits only, few enough that no sum of such numbers overflows.
fn parse_digits(text: &str) -> Option<u64> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for SlurmTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, seconds) = (self.0 / 60, self.0 % 60);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        write!(
            f,
            "{}-{:02}:{minutes:02}:{seconds:02}",
            hours / 24,
            hours % 24
        )
    }
}

impl FromStr for SlurmMemory {
    type Err = String;

    /// Parses megabytes, or a whole number with K, M, G or T.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(text);
        if parse_digits(digits).is_none() {
            return Err(format!(
                "invalid amount of memory `{text}`: expected megabytes, or a whole number with K, M, G or T"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Deserializer of values that may be written as a number or as text.
struct NumberOrTextVisitor<T>(PhantomData<T>, &'static str);

impl<T: FromStr<Err = String>> Visitor<'_> for NumberOrTextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        value.to_string().parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        value.to_string().parse().map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<T, E> {
        value.to_string().parse().map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

written!(
    SlurmTime,
    NumberOrTextVisitor(PhantomData, "a time limit such as `90` or `1-00:00:00`",),
    "SlurmTime",
    |_| {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": "^([0-9]+-[0-9]+(:[0-9]+){0,2}|[0-9]+(:[0-9]+){0,2})$" }
            ]
        })
    }
);

written!(
    SlurmMemory,
    NumberOrTextVisitor(PhantomData, "an amount of memory such as `4G`"),
    "SlurmMemory",
    |_| {
        json_schema!({
            "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+[KMGT]?$" }]
        })
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_slurm_writes_them() {
        for (text, seconds) in [
            ("90", 5400),
            ("90:30", 5430),
            ("2:00:01", 7201),
            ("1-0", 86_400),
            ("1-12", 129_600),
            ("1-12:30", 131_400),
            ("1-00:00:00", 86_400),
        ] {
            let time: SlurmTime = text.parse().unwrap();
            assert_eq!(time.0, seconds, "{text}");
            assert_eq!(time.to_string().parse(), Ok(time), "{text}");
        }
        for text in [
            "",
            "0",
            "-1",
            "1.5",
            "1h",
            "1-",
            "-",
            "1:2:3:4",
            "1-2-3",
            "UNLIMITED",
            "99999999999",
            "400-0",
            " 1",
        ] {
            assert!(text.parse::<SlurmTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn memory_as_slurm_writes_it() {
        for text in ["4000", "4G", "0", "512M"] {
            assert_eq!(text.parse(), Ok(SlurmMemory(text.to_owned())));
        }
        for text in ["", "4 G", "4GB", "G", "1.5G", "-1", "all"] {
            assert!(text.parse::<SlurmMemory>().is_err(), "{text}");
        }
    }
}
