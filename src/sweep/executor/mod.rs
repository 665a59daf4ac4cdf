//! Where runs execute. None of it is part of a run's identity.

mod engine;
mod list;
mod old_form;
mod seats;
mod settings;
mod storage;

pub use engine::*;
pub use list::ExecutorList;
pub(super) use old_form::refusal;
pub use seats::{JobDevice, Seats};
pub use storage::Storage;
