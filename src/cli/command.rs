//! Dispatch from arguments to commands, and exit codes.

use std::process::ExitCode;

use clap::Parser;

use super::args::{Cli, CommandLine};
use super::{
    ExitReason, arch, attempt, drive, fit, import, logging, logs, output, plan, predict, report,
    requests, schema, status, suggest, worker,
};
use isoflop_app::{AppError, ErrorKind};

/// Parses the arguments, runs the command, and prints its error, if any.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error).code().into(),
    };
    let exit = logging::set_up(cli.verbose).and_then(|()| dispatch(&cli));
    let exit = exit.unwrap_or_else(|failed| {
        output::error(&failed);
        ExitReason::Failed(failed.kind)
    });
    exit.code().into()
}

/// Prints the help that was requested, or the error in the arguments.
fn not_parsed(error: &clap::Error) -> ExitReason {
    if error.use_stderr() {
        output::usage_error(&error.render().to_string());
        return ExitReason::Failed(ErrorKind::Usage);
    }
    // The terminal may be closed. The exit code is the same.
    let _ = error.print();
    ExitReason::Ok
}

fn dispatch(cli: &Cli) -> Result<ExitReason, AppError> {
    match &cli.command {
        CommandLine::Plan(args) => plan::main(args),
        CommandLine::Run(args) => drive::run_main(args),
        CommandLine::Resume(args) => drive::resume_main(args),
        CommandLine::Attempt(args) => attempt::main(args),
        CommandLine::Worker(args) => worker::main(args),
        CommandLine::WorkerCert(args) => worker::certificate(args),
        CommandLine::WorkerToken(args) => worker::token(args),
        CommandLine::Status(args) => status::main(args),
        CommandLine::Logs(args) => logs::main(args),
        CommandLine::Cancel(args) => requests::cancel(args),
        CommandLine::Retry(args) => requests::retry(args),
        CommandLine::Import(args) => import::main(args),
        CommandLine::Fit(args) => fit::main(args),
        CommandLine::Predict(args) => predict::main(args),
        CommandLine::Suggest(args) => suggest::main(args),
        CommandLine::Report(args) => report::main(args),
        CommandLine::Arch(command) => arch::main(command),
        CommandLine::Schema(args) => schema::main(args),
    }
}
