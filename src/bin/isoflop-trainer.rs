//! `isoflop-trainer`: one run, one process.

use std::process::ExitCode;

fn main() -> ExitCode {
    isoflop_trainer::main(option_env!("ISOFLOP_GIT_REVISION").unwrap_or("unknown"))
}
