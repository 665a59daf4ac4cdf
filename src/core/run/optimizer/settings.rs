//! Declarations of settings: the fields of a spec, with the defaults and ranges for a sweep file.

use std::ops::RangeInclusive;

/// Declaration of the fields of a settings struct.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingFields {
    /// Description of the settings.
    pub documentation: &'static str,
    /// Names of the fields.
    pub names: &'static [&'static str],
    /// The fields, in the same order as their names.
    pub fields: &'static [SettingField],
}

/// Declaration of one field, which is optional in a sweep file.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingField {
    /// Key of the field.
    pub name: &'static str,
    /// Description of the field.
    pub documentation: &'static str,
    /// Type, default and range of the field.
    pub kind: SettingKind,
}

/// Type of a field, with its default and allowed values. A range from [`f64::MIN_POSITIVE`] means
/// above 0.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingKind {
    /// A number.
    Number {
        /// Default value.
        default: f64,
        /// Allowed values.
        range: RangeInclusive<f64>,
    },
    /// A whole number.
    Count {
        /// Default value.
        default: u32,
        /// Allowed values.
        range: RangeInclusive<u32>,
    },
    /// True or false.
    Flag {
        /// Default value.
        default: bool,
    },
    /// Nested settings, each with its own default.
    Group(&'static SettingFields),
}

/// Declares settings: a struct for specs, its `DEFAULT`, and its `SETTINGS`. The keys of a sweep
/// file, their checks and their JSON Schema follow from `SETTINGS`.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $name:ident {
            $($(#[doc = $meaning:literal])+ $field:ident: $type:ident = $default:expr $(, in $range:expr)?;)+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $meaning])+ pub $field: $type,)+
        }

        impl $name {
            /// Default settings.
            pub const DEFAULT: Self = Self { $($field: $default),+ };

            /// Declaration of the settings.
            pub const SETTINGS: $crate::run::SettingFields = $crate::run::SettingFields {
                documentation: concat!($($about),+),
                names: &[$(stringify!($field)),+],
                fields: &[$($crate::run::SettingField {
                    name: stringify!($field),
                    documentation: concat!($($meaning),+),
                    kind: settings!(@kind $type, $default $(, $range)?),
                }),+],
            };
        }
    };
    (@kind f64, $default:expr, $range:expr) => {
        $crate::run::SettingKind::Number { default: $default, range: $range }
    };
    (@kind u32, $default:expr, $range:expr) => {
        $crate::run::SettingKind::Count { default: $default, range: $range }
    };
    (@kind bool, $default:expr) => {
        $crate::run::SettingKind::Flag { default: $default }
    };
    (@kind $group:ident, $default:expr) => {
        $crate::run::SettingKind::Group(&$group::SETTINGS)
    };
}

pub(super) use settings;
