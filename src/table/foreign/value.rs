//! Parsing of numbers as people write them.

use isoflop_core::units::parse_number;

use super::sheet::SheetCell;

/// Description of the numbers that [`number`] accepts, for messages.
pub(super) const NUMBER_FORMATS: &str =
    "a number such as `2.5`, `1.3e9`, `1_300_000`, `1,300,000` or `125M`";

/// Parses a number such as `1.3e9`, `1_300_000_000`, `1,300,000,000`, `125M` or `10e9 tokens`; also
/// NaN and infinities. `None` if the cell is not a number.
pub(super) fn number(cell: SheetCell<'_>) -> Option<f64> {
    match cell {
        SheetCell::Missing => None,
        SheetCell::Number(value) => Some(value),
        // The standard parser is the fastest and accepts most numbers, also `nan` and `inf`.
        SheetCell::Text(text) => text.parse().ok().or_else(|| written(text)),
    }
}

/// Returns the text of a cell; a number is formatted.
pub(super) fn text(cell: SheetCell<'_>) -> Option<String> {
    match cell {
        SheetCell::Missing => None,
        SheetCell::Number(value) => Some(value.to_string()),
        SheetCell::Text(text) => Some(text.to_owned()),
    }
}

fn written(text: &str) -> Option<f64> {
    const UNITS: [&str; 5] = ["tokens", "parameters", "params", "flops", "nats"];
    let text = match text.rsplit_once(' ') {
        Some((number, unit)) if UNITS.contains(&unit.to_lowercase().as_str()) => number.trim(),
        _ => text,
    };
    let text = if is_grouped(text) {
        text.replace(',', "")
    } else {
        text.to_owned()
    };
    // `125m` and `7b` are as common as `125M` and `7B`.
    let (digits, suffix) = text.split_at(text.char_indices().last().map_or(0, |(last, _)| last));
    parse_number(&format!("{digits}{}", suffix.to_uppercase())).ok()
}

/// Reports whether commas separate thousands, as in `1,300,000`. A single comma, as in `3,141`, may
/// be a decimal comma and does not count.
fn is_grouped(text: &str) -> bool {
    let whole = text.split('.').next().unwrap_or(text);
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or("");
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let groups: Vec<&str> = groups.collect();
    groups.len() >= 2
        && (1..=3).contains(&first.len())
        && digits(first)
        && groups.iter().all(|group| group.len() == 3 && digits(group))
}

/// Escapes control characters, so that a table cannot move the cursor or change colours in a
/// terminal.
pub(super) fn escaped(text: &str) -> String {
    let spelt = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    if text.contains(char::is_control) {
        text.chars().map(spelt).collect()
    } else {
        text.to_owned()
    }
}

/// Interprets a number with one ambiguous comma: the number with a decimal point instead, and the
/// number without the comma if that may separate thousands.
pub(super) fn ambiguous_comma(text: &str) -> Option<(String, Option<String>)> {
    let (whole, rest) = text.split_once(',')?;
    // With decimal commas, points separate thousands.
    let decimal = format!("{}.{rest}", whole.replace('.', ""));
    decimal.parse::<f64>().ok()?;
    let is_group = rest.len() == 3 && rest.bytes().all(|b| b.is_ascii_digit());
    let may_lead = (1..=3).contains(&whole.len())
        && !whole.starts_with('0')
        && whole.bytes().all(|b| b.is_ascii_digit());
    Some((
        decimal,
        (is_group && may_lead).then(|| format!("{whole}{rest}")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_they_are_found() {
        for (text, value) in [
            ("1.3e9", 1.3e9),
            ("1,300,000,000", 1.3e9),
            ("1,300,000.5", 1_300_000.5),
            ("1_300", 1300.0),
            ("125M", 1.25e8),
            ("125m", 1.25e8),
            ("1.3B", 1.3e9),
            ("1.3b", 1.3e9),
            ("7 B", 7e9),
            ("10e9 tokens", 1e10),
            ("2.5B tokens", 2.5e9),
            ("-3", -3.0),
        ] {
            assert_eq!(number(SheetCell::Text(text)), Some(value), "{text}");
        }
        for text in [
            "abc",
            "3,141",
            "1,300",
            "1.2.3",
            "12 apples",
            "M",
            "é",
            ",,",
        ] {
            assert_eq!(number(SheetCell::Text(text)), None, "{text}");
        }
        assert!(number(SheetCell::Text("NaN")).is_some_and(f64::is_nan));
    }
    #[test]
    fn what_a_comma_may_be() {
        let read = |text| {
            ambiguous_comma(text).map(|(decimal, whole)| (decimal, whole.unwrap_or_default()))
        };
        for (text, decimal, whole) in [
            ("2,340", "2.340", "2340"),
            ("1,5", "1.5", ""),
            ("0,125", "0.125", ""),
            ("4,5689", "4.5689", ""),
            ("1.300,5", "1300.5", ""),
            ("1,5e9", "1.5e9", ""),
        ] {
            assert_eq!(
                read(text),
                Some((decimal.to_owned(), whole.to_owned())),
                "{text}"
            );
        }
        for text in ["1,30,000", "low", "a,b", ",", "2.5"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
