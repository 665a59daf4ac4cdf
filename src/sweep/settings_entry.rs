//! Settings that core declares, as a sweep file gives them: read and checked by the declaration.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::error::Fault;
use super::{At, Count, Number};
use isoflop_core::run::{Setting, SettingKind, Settings};

/// Settings, each as the file gives it or its default.
#[derive(Clone, Debug)]
pub(super) struct SettingsEntry(Vec<(&'static Setting, Value)>);

#[derive(Clone, Debug)]
enum Value {
    Number(At<Number>, &'static RangeInclusive<f64>),
    Count(At<Count>, &'static RangeInclusive<u32>),
    Flag(bool),
    Group(SettingsEntry),
}

impl SettingsEntry {
    pub(super) fn defaults(settings: &Settings) -> Self {
        let default = |field: &'static Setting| {
            let value = match &field.kind {
                SettingKind::Number { default, range } => {
                    Value::Number(At::nowhere(Number(*default)), range)
                }
                SettingKind::Count { default, range } => {
                    Value::Count(At::nowhere(Count((*default).into())), range)
                }
                SettingKind::Flag { default } => Value::Flag(*default),
                SettingKind::Group(settings) => Value::Group(Self::defaults(settings)),
            };
            (field, value)
        };
        Self(settings.fields.iter().map(default).collect())
    }

    /// The settings as a spec's JSON has them.
    pub(super) fn checked(&self) -> Result<Json, Fault> {
        let mut settings = Map::new();
        for (Setting { name, .. }, value) in &self.0 {
            let what = format!("`{name}`");
            let value = match value {
                Value::Number(number, range) => number.within(&what, (*range).clone())?.into(),
                Value::Count(count, range) => {
                    let (least, most) = ((*range.start()).into(), (*range.end()).into());
                    count.within(&what, least..=most)?.into()
                }
                Value::Flag(flag) => (*flag).into(),
                Value::Group(group) => group.checked()?,
            };
            settings.insert((*name).to_owned(), value);
        }
        Ok(settings.into())
    }
}

/// Reads the settings of a declaration.
pub(super) struct SettingsSeed(pub(super) &'static Settings);

impl<'de> DeserializeSeed<'de> for SettingsSeed {
    type Value = SettingsEntry;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SettingsSeed {
    type Value = SettingsEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of settings to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SettingsEntry, A::Error> {
        let Settings { names, .. } = self.0;
        let mut entry = SettingsEntry::defaults(self.0);
        while let Some(key) = map.next_key::<String>()? {
            let named = |(field, _): &&mut (&Setting, Value)| field.name == key;
            let (field, value) = entry
                .0
                .iter_mut()
                .find(named)
                .ok_or_else(|| A::Error::unknown_field(&key, names))?;
            *value = match &field.kind {
                SettingKind::Number { range, .. } => Value::Number(map.next_value()?, range),
                SettingKind::Count { range, .. } => Value::Count(map.next_value()?, range),
                SettingKind::Flag { .. } => Value::Flag(map.next_value()?),
                SettingKind::Group(settings) => {
                    Value::Group(map.next_value_seed(SettingsSeed(settings))?)
                }
            };
        }
        Ok(entry)
    }
}
