//! A run: its spec and identity, its directory, its events and its outcome. This is
//! the contract between the coordinator and the trainer, whatever machine runs it.

mod budget;
mod calibration;
mod canonical;
mod checkpoint;
mod directory;
mod end;
mod event;
mod example;
mod exit;
mod fate;
mod launch;
mod optimizer;
mod outcome;
mod recipe;
mod spec;
mod trunk;
mod write;

pub use budget::Budget;
pub use calibration::{CalibrationRequest, CalibrationResult};
pub use canonical::canonical_json;
pub use checkpoint::{
    CheckpointFiles, FoundCheckpoints, InvalidCheckpoint, Progress, Spent, TakenTrunk,
    accept_checkpoint, checkpoint_files, checkpoint_steps, latest_checkpoint, remove_checkpoints,
    write_checkpoint,
};
pub use directory::{AttemptDir, BatchDir, CheckpointDir, CheckpointsDir, RunDir, SweepDir};
pub use end::AttemptEnd;
pub use event::{CurvePoint, Event, EventKind, EventTail, read_events};
pub use example::example;
pub use exit::TrainerExit;
pub use fate::Fate;
pub use launch::{Device, Launch};
pub use optimizer::*;
pub use outcome::{Ending, InvalidOutcome, Outcome, Provenance};
pub use recipe::{Precision, Schedule};
pub use spec::{DataSpec, Evaluation, RunId, RunSpec, SPEC_VERSION, Tokenizer};
pub use trunk::Trunk;
pub use write::{
    Unwritable, if_there, read_digest, remove_unfinished, replace_json, unwritable, write_json,
    write_streamed, write_whole,
};
