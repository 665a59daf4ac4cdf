//! Settings that are declared once: the fields of a spec, with what a sweep file may say of each.

use std::ops::RangeInclusive;

/// The fields of a struct of settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What they are settings of.
    pub documentation: &'static str,
    /// Names of the fields.
    pub names: &'static [&'static str],
    /// The fields, in the same order as their names.
    pub fields: &'static [Setting],
}

/// One field, which a sweep file may give or leave out.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its key.
    pub name: &'static str,
    /// What it means.
    pub documentation: &'static str,
    /// What it holds.
    pub kind: SettingKind,
}

/// Type of a field, with its default and the values that are allowed; a range from [`f64::MIN_POSITIVE`] means above 0.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingKind {
    /// A number.
    Number {
        /// Value where a file gives none.
        default: f64,
        /// Values that are allowed.
        range: RangeInclusive<f64>,
    },
    /// A whole number.
    Count {
        /// Value where a file gives none.
        default: u32,
        /// Values that are allowed.
        range: RangeInclusive<u32>,
    },
    /// True or false.
    Flag {
        /// Value where a file gives none.
        default: bool,
    },
    /// Settings of a part, each with its own default.
    Group(&'static Settings),
}

/// Declares settings: a struct as specs hold it, its `DEFAULT`, and its `SETTINGS`, from which the keys of a sweep
/// file, their checks and their JSON Schema follow.
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
            /// Settings that a sweep file leaves out.
            pub const DEFAULT: Self = Self { $($field: $default),+ };

            /// Settings that a sweep file may give.
            pub const SETTINGS: $crate::run::Settings = $crate::run::Settings {
                documentation: concat!($($about),+),
                names: &[$(stringify!($field)),+],
                fields: &[$($crate::run::Setting {
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
