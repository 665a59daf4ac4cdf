//! The commands. The only place that prints.

mod arch;
mod args;
mod attempt;
mod changes;
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

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

pub use args::Cli;
use args::CommandLine;
pub use exit::Exit;
use isoflop_app::AppError;

/// Parses the arguments, runs the command, prints its error if it has one.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // Nothing is left to tell if the terminal is gone.
            let _ = error.print();
            return if asked_for {
                Exit::Ok.into()
            } else {
                Exit::Usage.into()
            };
        }
    };
    match logging::set_up(cli.verbose).and_then(|()| dispatch(&cli)) {
        Ok(exit) => exit.into(),
        Err(failed) => {
            output::error(&failed);
            Exit::from(failed.kind).into()
        }
    }
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
