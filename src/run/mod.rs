//! A run: its spec and identity, its directory, its events and its outcome. This is
//! the contract between the coordinator and the trainer, whatever machine runs it.

mod calibration;
mod checkpoint;
mod directory;
mod event;
mod exit;
mod outcome;
mod spec;
mod write;

pub use calibration::{CalibrationRequest, CalibrationResult};
pub use checkpoint::{
    FoundCheckpoints, InvalidCheckpoint, Progress, latest_checkpoint, remove_checkpoints, write_checkpoint,
};
pub use directory::{AttemptDir, CheckpointDir, RunDir, SweepDir};
pub use event::{CurvePoint, Event, EventKind, EventTail, read_events};
pub use exit::TrainerExit;
pub use outcome::{Ending, InvalidOutcome, Outcome, Provenance, git_revision};
pub use spec::{
    Adamw, Budget, DataSpec, Device, Evaluation, Launch, Precision, RunId, RunSpec, SPEC_VERSION, Schedule, Tokenizer,
    canonical_json,
};
pub use write::{write_json, write_whole};
