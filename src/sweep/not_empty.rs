//! Keys that may be absent, but not empty. `key:` without a value looks as if it removed something,
//! but serde treats it like an absent key and would ignore it silently.

use serde::{Deserialize, Deserializer};

/// Deserializes a value that must not be empty, for `deserialize_with`.
pub(super) fn not_empty<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
