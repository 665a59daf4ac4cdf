//! Carrying out a plan. [`step()`] decides, purely; [`drive()`] acts.

mod calibrate;
mod commit;
mod drive;
mod estimate;
mod kills;
mod lock;
mod memory;
mod room;
mod schedule;
mod trunks;

pub use calibrate::{CalibrationError, calibrate};
pub use commit::{CommitError, Resumed, resume};
pub use drive::{DriveError, Observer, Options, Summary, drive};
pub use estimate::Cost;
pub use lock::{LockError, SweepLock};
pub use memory::{Place, TextBytes, memory_bytes};
pub use room::{TooLarge, side_by_side};
pub use schedule::{Command, Event, FailedRun, Failure, RunState, State, step};
pub use trunks::{Branch, branches, flops_saved};
