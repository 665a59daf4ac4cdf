//! The coordinator: executes a plan. `schedule` decides, as a pure function; [`drive()`] acts.
//! docs/coordinator.md has the design.

mod calibrate;
mod commit;
mod device_memory;
mod drive;
mod estimate;
mod held_slots;
mod import;
mod leftovers;
mod lock;
mod log;
mod memory;
mod redaction;
mod requests;
mod resume;
mod schedule;
mod trunks;

pub use calibrate::{CalibrationError, calibrate};
pub use device_memory::{TooLarge, machine, side_by_side};
pub use drive::{DiskRoom, DriveError, DriveOptions, DriveSummary, Observer, drive};
pub use estimate::{calibrated_seconds, disk_reserve, guessed_seconds};
pub use held_slots::assign_held_slots;
pub use import::{ImportError, ImportedRuns, OutcomeDifference, copy_sweep_files, import};
pub use lock::{LockError, SweepLock};
pub use log::CoordinatorLogWriter;
pub use memory::{TensorDevice, TextBytes, memory_bytes};
pub use redaction::redacted;
pub use requests::carry_out;
pub use resume::{ResumeError, ResumedRuns, ResumedSweep, look, resume};
pub use schedule::{RunIndex, SchedulePolicy, SlotCapacity, SlotIndex};
pub use trunks::{TrunkBranch, branches, flops_saved};
