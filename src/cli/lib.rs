//! Commands, and everything that is printed. No other crate prints.

mod arch;
mod args;
mod attempt;
mod changes;
mod command;
mod common_args;
mod conclusion;
mod drive;
mod events;
mod exit;
mod fit;
mod fit_args;
mod fit_tables;
mod import;
mod logging;
mod logs;
mod next_args;
mod output;
mod plan;
mod predict;
mod progress;
mod report;
mod requests;
mod schema;
mod status;
mod study_args;
mod suggest;
mod terminal;
mod worker;
mod worker_args;

pub use command::main;
use exit::ExitReason;
