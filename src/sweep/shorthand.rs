//! Choices written by name only, if all of their settings have defaults: `rotary` for `rotary: {}`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, IntoDeserializer, MapAccess, Visitor,
};
use serde_json::{Value, json};

/// A choice, written by name or with its settings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChoiceShorthand<T>(pub(super) T);

struct ShorthandVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for ShorthandVisitor<T> {
    type Value = ChoiceShorthand<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a choice, or a mapping from it to its settings")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<ChoiceShorthand<T>, E> {
        let alone = serde_json::from_value(Value::from(name));
        let with_defaults = serde_json::from_value(json!({ name: {} }));
        match (alone, with_defaults) {
            (Ok(value), _) | (_, Ok(value)) => Ok(ChoiceShorthand(value)),
            // The typed error lists the allowed names.
            (Err(alone), _) if alone.to_string().starts_with("unknown variant") => {
                T::deserialize(name.into_deserializer()).map(ChoiceShorthand)
            }
            (_, Err(reason)) => {
                let reason = reason.to_string();
                let reason = reason
                    .strip_prefix("invalid type: map, ")
                    .unwrap_or(&reason);
                // serde calls a key a field.
                let missing = reason.strip_prefix("missing field `");
                let missing = missing.and_then(|rest| rest.strip_suffix('`'));
                Err(E::custom(match missing {
                    Some(key) => {
                        format!("`{name}` needs the key `{key}`: write `{name}: {{ {key}: ... }}`")
                    }
                    None => format!("`{name}` needs a value: {reason}"),
                }))
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ChoiceShorthand<T>, A::Error> {
        T::deserialize(de::value::MapAccessDeserializer::new(map)).map(ChoiceShorthand)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for ChoiceShorthand<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShorthandVisitor(PhantomData))
    }
}

impl<T: JsonSchema + DeserializeOwned> JsonSchema for ChoiceShorthand<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Choice", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let spelled_out = generator.subschema_for::<T>();
        let alone =
            |name: &String| serde_json::from_value::<T>(json!({ name.as_str(): {} })).is_ok();
        let names: Vec<String> = with_settings(&schemars::schema_for!(T).to_value())
            .into_iter()
            .filter(alone)
            .collect();
        json_schema!({ "anyOf": [spelled_out, { "enum": names }] })
    }
}

/// Names of an enum's variants that have settings, from its schema.
fn with_settings(schema: &Value) -> Vec<String> {
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    let keys = variants
        .filter_map(|variant| variant["properties"].as_object())
        .flat_map(|keys| keys.keys().cloned());
    keys.collect()
}
