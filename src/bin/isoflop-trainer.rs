//! The program `isoflop-trainer`, which trains one run and exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    isoflop_trainer::main(option_env!("ISOFLOP_GIT_REVISION").unwrap_or("unknown"))
}
