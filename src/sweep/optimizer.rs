//! The `optimizer` entry. Core declares its names, keys, defaults and ranges.

use std::fmt;

use schemars::{Schema, json_schema};
use serde::de::{Deserialize, Deserializer, EnumAccess, Error as _, VariantAccess, Visitor};
use serde_json::json;

use super::error::ValueError;
use super::settings_entry::{SettingsEntry, SettingsSeed};
use super::settings_schema::settings_schema;
use isoflop_core::run::{Adamw, Optimizer};

/// An optimizer and its settings.
#[derive(Clone, Debug)]
pub struct OptimizerEntry {
    name: String,
    settings: SettingsEntry,
}

impl OptimizerEntry {
    /// Returns the optimizer, as in a spec.
    pub(super) fn checked(&self) -> Result<Optimizer, ValueError> {
        let spec = json!({ &self.name: self.settings.checked()? });
        Ok(serde_json::from_value(spec).expect("core declares the fields of the spec"))
    }
}

impl Default for OptimizerEntry {
    fn default() -> Self {
        Self {
            name: "adamw".to_owned(),
            settings: SettingsEntry::defaults(&Adamw::SETTINGS),
        }
    }
}

impl<'de> Deserialize<'de> for OptimizerEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("Optimizer", Optimizer::NAMES, OptimizerVisitor)
    }
}

struct OptimizerVisitor;

impl<'de> Visitor<'de> for OptimizerVisitor {
    type Value = OptimizerEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an optimizer, or a mapping from it to its settings")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<OptimizerEntry, A::Error> {
        let (name, variant) = data.variant::<String>()?;
        let settings = Optimizer::settings(&name)
            .ok_or_else(|| A::Error::unknown_variant(&name, Optimizer::NAMES))?;
        let settings = variant.newtype_variant_seed(SettingsSeed(settings))?;
        Ok(OptimizerEntry { name, settings })
    }
}

written!(OptimizerEntry, "Optimizer", |generator| {
    let choice = |name: &&str| {
        let settings = settings_schema(generator, Optimizer::settings(name)?);
        Some(json_schema!({
            "type": "object",
            "properties": { *name: settings },
            "required": [name],
            "additionalProperties": false
        }))
    };
    let choices: Vec<Schema> = Optimizer::NAMES.iter().filter_map(choice).collect();
    json_schema!({ "oneOf": choices })
});
