//! Canonical JSON, which identities and digests are computed from.

use std::ops::Range;

use serde::Serialize;

/// Serializes a value as JSON with sorted keys and no spaces, independent of the order in which
/// fields are declared.
///
/// A sweep computes an identity for each of its runs, so the text is written once and its entries
/// are sorted in place.
///
/// # Errors
/// If the value is not representable as JSON.
pub fn canonical_json(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(value)?;
    sort_keys(&mut text, 0);
    Ok(text)
}

/// Sorts the objects within the value that begins at `at`, and returns the position after the
/// value.
fn sort_keys(text: &mut [u8], at: usize) -> usize {
    match text[at] {
        b'{' => sort_object(text, at),
        b'[' => {
            let mut next = at + 1;
            while text[next] != b']' {
                let end = sort_keys(text, next);
                next = after_comma(text, end);
            }
            next + 1
        }
        b'"' => end_of_string(text, at),
        _ => {
            at + text[at..]
                .iter()
                .take_while(|byte| !b",]}".contains(byte))
                .count()
        }
    }
}

fn sort_object(text: &mut [u8], at: usize) -> usize {
    let mut entries: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let mut next = at + 1;
    while text[next] != b'}' {
        let colon = end_of_string(text, next);
        let end = sort_keys(text, colon + 1);
        // The key without its quotes. With them, `"a b"` would precede `"a"`: a space sorts before
        // a quote.
        entries.push((next + 1..colon - 1, next..end));
        next = after_comma(text, end);
    }
    let key = |entry: &(Range<usize>, Range<usize>)| &text[entry.0.clone()];
    if !entries.is_sorted_by_key(key) {
        entries.sort_by(|a, b| key(a).cmp(key(b)));
        let sorted = entries
            .iter()
            .map(|(_, entry)| &text[entry.clone()])
            .collect::<Vec<_>>()
            .join(&b',');
        text[at + 1..next].copy_from_slice(&sorted);
    }
    next + 1
}

fn after_comma(text: &[u8], at: usize) -> usize {
    at + usize::from(text[at] == b',')
}

fn end_of_string(text: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while text[end] != b'"' {
        end += if text[end] == b'\\' { 2 } else { 1 };
    }
    end + 1
}

#[cfg(test)]
pub(crate) use tests::reference_json;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Reference implementation, with which the identities of finished runs were made.
    pub(crate) fn reference_json(value: &Value) -> String {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                let entry = |(key, value): (&String, &Value)| {
                    format!("{}:{}", Value::from(key.clone()), reference_json(value))
                };
                format!(
                    "{{{}}}",
                    entries.into_iter().map(entry).collect::<Vec<_>>().join(",")
                )
            }
            Value::Array(items) => format!(
                "[{}]",
                items
                    .iter()
                    .map(reference_json)
                    .collect::<Vec<_>>()
                    .join(",")
            ),
            scalar => scalar.to_string(),
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        // Keys are names in this program; strings are arbitrary.
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec(("[ -!#-\\[\\]-~é]{0,4}", inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value: Value =
            serde_json::from_str(r#"{"b":[{"z":1,"a":"}\"{"}],"a b":[],"a":null}"#).unwrap();
        assert_eq!(
            canonical_json(&value).unwrap(),
            br#"{"a":null,"a b":[],"b":[{"a":"}\"{","z":1}]}"#
        );
    }

    proptest! {
        #[test]
        fn it_is_the_form_as_defined(value in values()) {
            prop_assert_eq!(String::from_utf8(canonical_json(&value).unwrap()).unwrap(), reference_json(&value));
        }
    }
}
