//! A key that may be absent, but not empty. `key:` with nothing behind it reads as if it took something away;
//! to serde it is the same as no key, and would be passed over in silence.

use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "given")]`.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
