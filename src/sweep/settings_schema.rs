//! JSON Schema of settings that core declares.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::{FiniteNumber, WholeNumber};
use isoflop_core::run::{SettingField, SettingFields, SettingKind};

/// Returns the schema of a mapping of settings to values.
pub(super) fn settings_schema(generator: &mut SchemaGenerator, settings: &SettingFields) -> Schema {
    let property =
        |field: &SettingField| (field.name.to_owned(), field_schema(generator, field).into());
    let properties: Map<String, Value> = settings.fields.iter().map(property).collect();
    json_schema!({
        "description": settings.documentation.trim_start(),
        "type": "object",
        "properties": properties,
        "additionalProperties": false
    })
}

fn field_schema(generator: &mut SchemaGenerator, field: &SettingField) -> Schema {
    let (mut schema, details) = match &field.kind {
        SettingKind::Number { default, range } => {
            let (least, most) = (*range.start(), *range.end());
            let details = if least == f64::MIN_POSITIVE {
                json!({ "exclusiveMinimum": 0, "maximum": most, "default": default })
            } else {
                json!({ "minimum": least, "maximum": most, "default": default })
            };
            (generator.subschema_for::<FiniteNumber>(), details)
        }
        SettingKind::Count { default, range } => (
            generator.subschema_for::<WholeNumber>(),
            json!({ "minimum": range.start(), "maximum": range.end(), "default": default }),
        ),
        SettingKind::Flag { default } => (
            generator.subschema_for::<bool>(),
            json!({ "default": default }),
        ),
        SettingKind::Group(settings) => (settings_schema(generator, settings), json!({})),
    };
    let object = schema.ensure_object();
    object.insert(
        "description".to_owned(),
        field.documentation.trim_start().into(),
    );
    object.extend(details.as_object().cloned().unwrap_or_default());
    schema
}
