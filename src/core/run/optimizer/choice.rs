//! Choice of an optimizer.

use serde::{Deserialize, Serialize};

use super::{Adafactor, Adamw, Muon, OptimizerMemory, SettingFields};
use crate::arch::ModelConfig;

/// Declares the choice of an optimizer, with the names in specs and sweep files.
macro_rules! optimizers {
    ($($(#[doc = $meaning:literal])+ $key:literal => $name:ident,)+) => {
        /// Optimizer, which turns gradients into updates.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub enum Optimizer {
            $($(#[doc = $meaning])+ #[serde(rename = $key)] $name($name),)+
        }

        impl Optimizer {
            /// Names of all optimizers.
            pub const NAMES: &'static [&'static str] = &[$($key),+];

            /// Declaration of the settings of the optimizer with this name.
            pub fn settings(name: &str) -> Option<&'static SettingFields> {
                match name {
                    $($key => Some(&$name::SETTINGS),)+
                    _ => None,
                }
            }

            /// Estimates the optimizer's memory for a model. `fused` is true if isoflop's own
            /// kernels compute the update.
            pub fn memory(&self, model: &ModelConfig, fused: bool) -> OptimizerMemory {
                match self {
                    $(Self::$name(settings) => settings.memory(model, fused),)+
                }
            }
        }
    };
}

optimizers! {
    /// AdamW for every parameter.
    "adamw" => Adamw,
    /// Adafactor for every parameter, as arXiv:2109.08668 used it.
    "adafactor" => Adafactor,
    /// Muon for the hidden matrices, AdamW for embeddings, head, norms, biases and taps.
    "muon" => Muon,
}
