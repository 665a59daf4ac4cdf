//! From arguments to a command, and from its end to an exit code.

use std::process::ExitCode;

use clap::Parser;

use super::args::{Cli, CommandLine};
use super::{
    Exit, arch, attempt, drive, fit, import, logging, logs, output, plan, predict, report,
    requests, schema, status, suggest, worker,
};
use isoflop_app::{AppError, ErrorKind};

/// Parses the arguments, runs the command, prints its error if it has one.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for = !error.use_stderr();
            // Nothing is left to tell if the terminal is gone.
            let _ = error.print();
            let exit = if asked_for {
                Exit::Ok
            } else {
                Exit::Failed(ErrorKind::Usage)
            };
            return exit.code().into();
        }
    };
    let exit = logging::set_up(cli.verbose).and_then(|()| dispatch(&cli));
    let exit = exit.unwrap_or_else(|failed| {
        output::error(&failed);
        Exit::Failed(failed.kind)
    });
    exit.code().into()
}

fn dispatch(cli: &Cli) -> Result<Exit, AppError> {
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
