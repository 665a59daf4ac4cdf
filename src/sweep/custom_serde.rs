//! Types of a sweep file for which serde's and schemars' derived implementations do not fit.

/// Implements `Deserialize` by a visitor, and `JsonSchema` with a name and a schema for editors.
/// Without a visitor, implements only `JsonSchema`.
macro_rules! written {
    ($type:ty, $visitor:expr, $name:literal, $schema:expr) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($visitor)
            }
        }
        written!($type, $name, $schema);
    };
    ($type:ty, $name:literal, $schema:expr) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema = $schema;
                schema(generator)
            }
        }
    };
}
