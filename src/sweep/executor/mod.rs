//! Engines that execute runs. They are not part of a run's identity.

mod engine;
mod engine_slots;
mod list;
mod old_form;
mod settings;
mod storage;

pub use engine::*;
pub use engine_slots::{EngineSlots, JobDevice};
pub use list::ExecutorList;
pub(super) use old_form::old_form_error;
pub use storage::StorageSettings;
