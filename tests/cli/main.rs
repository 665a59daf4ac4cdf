//! The programs as users meet them: real files, real processes, real training.
#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it stands"
)]

mod arch;
mod book;
mod coordinator;
mod data;
mod decisions;
mod docs;
mod faults;
mod foreign;
mod gpu_check;
mod imitation;
mod import;
mod memory;
mod messages;
mod named_files;
mod next_runs;
mod plan;
mod queue;
mod ray;
mod recipes;
mod resume;
mod sandbox;
mod several;
mod slurm;
mod storage;
mod terminal;
mod training;
mod workers;
