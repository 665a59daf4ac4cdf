//! Carrying out a plan. `schedule` decides, purely; [`drive()`] acts. docs/coordinator.md has the design.

mod calibrate;
mod commit;
mod drive;
mod estimate;
mod import;
mod leftovers;
mod lock;
mod log;
mod memory;
mod redaction;
mod requests;
mod resume;
mod room;
mod schedule;
mod seats;
mod trunks;

pub use calibrate::{CalibrationError, calibrate};
pub use drive::{DiskRoom, DriveError, Observer, Options, Summary, drive};
pub use estimate::{calibrated_seconds, disk_reserve, guessed_seconds};
pub use import::{Difference, ImportError, Imported, import, take_over};
pub use lock::{LockError, SweepLock};
pub use log::CoordinatorLogWriter;
pub use memory::{Place, TextBytes, memory_bytes};
pub use redaction::redacted;
pub use requests::carry_out;
pub use resume::{ResumeError, Resumed, TakenUp, look, resume};
pub use room::{TooLarge, machine, side_by_side};
pub use schedule::{Machine, Policy, RunIndex, SlotIndex};
pub use seats::seat;
pub use trunks::{Branch, branches, flops_saved};
