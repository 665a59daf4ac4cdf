//! Settings of a sweep file that core declares, read and checked by the declaration.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::error::ValueError;
use super::{FiniteNumber, LocatedValue, WholeNumber};
use isoflop_core::run::{SettingField, SettingFields, SettingKind};

/// Settings, each from the file or its default.
#[derive(Clone, Debug)]
pub(super) struct SettingsEntry(Vec<(&'static SettingField, SettingValue)>);

#[derive(Clone, Debug)]
enum SettingValue {
    Number(LocatedValue<FiniteNumber>, &'static RangeInclusive<f64>),
    Count(LocatedValue<WholeNumber>, &'static RangeInclusive<u32>),
    Flag(bool),
    Group(SettingsEntry),
}

impl SettingsEntry {
    pub(super) fn defaults(settings: &SettingFields) -> Self {
        let default = |field: &'static SettingField| {
            let value = match &field.kind {
                SettingKind::Number { default, range } => SettingValue::Number(
                    LocatedValue::without_location(FiniteNumber(*default)),
                    range,
                ),
                SettingKind::Count { default, range } => SettingValue::Count(
                    LocatedValue::without_location(WholeNumber((*default).into())),
                    range,
                ),
                SettingKind::Flag { default } => SettingValue::Flag(*default),
                SettingKind::Group(settings) => SettingValue::Group(Self::defaults(settings)),
            };
            (field, value)
        };
        Self(settings.fields.iter().map(default).collect())
    }

    /// Returns the settings as JSON, as in a spec.
    pub(super) fn checked(&self) -> Result<Json, ValueError> {
        let mut settings = Map::new();
        for (SettingField { name, .. }, value) in &self.0 {
            let what = format!("`{name}`");
            let value = match value {
                SettingValue::Number(number, range) => {
                    number.within(&what, (*range).clone())?.into()
                }
                SettingValue::Count(count, range) => {
                    let (least, most) = ((*range.start()).into(), (*range.end()).into());
                    count.within(&what, least..=most)?.into()
                }
                SettingValue::Flag(flag) => (*flag).into(),
                SettingValue::Group(group) => group.checked()?,
            };
            settings.insert((*name).to_owned(), value);
        }
        Ok(settings.into())
    }
}

/// Deserializer of the settings of a declaration.
pub(super) struct SettingsSeed(pub(super) &'static SettingFields);

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
        let SettingFields { names, .. } = self.0;
        let mut entry = SettingsEntry::defaults(self.0);
        while let Some(key) = map.next_key::<String>()? {
            let named = |(field, _): &&mut (&SettingField, SettingValue)| field.name == key;
            let (field, value) = entry
                .0
                .iter_mut()
                .find(named)
                .ok_or_else(|| A::Error::unknown_field(&key, names))?;
            *value = match &field.kind {
                SettingKind::Number { range, .. } => SettingValue::Number(map.next_value()?, range),
                SettingKind::Count { range, .. } => SettingValue::Count(map.next_value()?, range),
                SettingKind::Flag { .. } => SettingValue::Flag(map.next_value()?),
                SettingKind::Group(settings) => {
                    SettingValue::Group(map.next_value_seed(SettingsSeed(settings))?)
                }
            };
        }
        Ok(entry)
    }
}
