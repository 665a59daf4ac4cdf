//! The program `isoflop`: plan, dispatch, collect, fit, report.

use std::process::ExitCode;

fn main() -> ExitCode {
    isoflop_cli::main()
}
