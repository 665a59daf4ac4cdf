//! What turns gradients into updates. One file an optimizer: its settings, with defaults and ranges, and what it holds.

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
pub use settings::{Setting, SettingKind, Settings};
