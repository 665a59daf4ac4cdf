//! Runs: spec and identity, folder, events and outcome. This is the contract between the
//! coordinator and the trainer, on any machine.

mod budget;
mod calibration;
mod canonical;
mod checkpoint;
mod directory;
mod end;
mod event;
mod example;
mod exit;
mod launch;
mod optimizer;
mod outcome;
mod recipe;
mod spec;
mod termination_reason;
mod trunk;
mod write;

pub use budget::Budget;
pub use calibration::{CalibrationRequest, CalibrationResult};
pub use canonical::canonical_json;
pub use checkpoint::{
    CheckpointFiles, FoundCheckpoints, InvalidCheckpoint, RunProgress, TakenTrunk, TimeSpent,
    accept_checkpoint, checkpoint_files, checkpoint_steps, latest_checkpoint, remove_checkpoints,
    write_checkpoint,
};
pub use directory::{AttemptDir, BatchDir, CheckpointDir, CheckpointsDir, RunDir, SweepDir};
pub use end::AttemptEnd;
pub use event::{CurvePoint, EventKind, EventTail, TrainerEvent, read_events};
pub use example::example_spec;
pub use exit::TrainerExit;
pub use launch::{Device, Launch};
pub use optimizer::*;
pub use outcome::{InvalidOutcome, Outcome, Provenance, RunEnding};
pub use recipe::{LearningRateSchedule, Precision};
pub use spec::{DataSpec, EvaluationSpec, RunId, RunSpec, SPEC_VERSION, Tokenizer};
pub use termination_reason::TerminationReason;
pub use trunk::Trunk;
pub use write::{
    WriteError, if_exists, read_digest, remove_incomplete, unwritable, write_atomic, write_json,
    write_json_unsynced, write_streamed,
};
