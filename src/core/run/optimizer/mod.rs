//! Optimizers. Each has one file, with its settings, their defaults and ranges, and its memory.

mod adafactor;
mod adamw;
mod choice;
mod memory;
mod muon;
mod settings;

pub use adafactor::Adafactor;
pub use adamw::Adamw;
pub use choice::Optimizer;
pub use memory::OptimizerMemory;
pub use muon::Muon;
pub use settings::{SettingField, SettingFields, SettingKind};
