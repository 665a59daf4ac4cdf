//! What turns gradients into updates. One file an optimizer: its settings, with defaults and ranges, and what it holds.

mod adafactor;
mod adamw;
mod muon;
mod settings;

pub use adafactor::Adafactor;
pub use adamw::Adamw;
pub use muon::Muon;
use serde::{Deserialize, Serialize};
pub use settings::{Setting, SettingKind, Settings};

use crate::arch::ModelConfig;

/// Numbers that an optimizer holds, of 4 bytes each, an estimate: what the trainer's code keeps, term by term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimizerMemory {
    /// Its state, from step to step.
    pub state: f64,
    /// Most beside the state, the parameters and their gradient, while the gradient becomes an update.
    pub update: f64,
}

/// The clipped gradient and the update, beside the room that the gradients of the tensors leave: no vector fits between
/// them.
fn vectors(all: f64) -> f64 {
    3.0 * all
}

/// Declares the choice of an optimizer, by the names that specs and sweep files have.
macro_rules! optimizers {
    ($($(#[doc = $meaning:literal])+ $key:literal => $name:ident,)+) => {
        /// What turns gradients into updates.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub enum Optimizer {
            $($(#[doc = $meaning])+ #[serde(rename = $key)] $name($name),)+
        }

        impl Optimizer {
            /// Names of all optimizers.
            pub const NAMES: &'static [&'static str] = &[$($key),+];

            /// Declaration of the settings of the optimizer of a name.
            pub fn settings(name: &str) -> Option<&'static Settings> {
                match name {
                    $($key => Some(&$name::SETTINGS),)+
                    _ => None,
                }
            }

            /// Memory for a model; `fused` where our kernels make the update.
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
