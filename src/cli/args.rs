//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::common_args::{FolderArgs, SweepFilter, TrainerArgs};
use super::fit_args::FitArgs;
use super::next_args::{PredictArgs, SuggestArgs};
use super::worker_args::{ListenArgs, WorkerArgs, WorkerCertArgs, WorkerTokenArgs};

/// Scaling-law experiments that compare neural-network architectures, described by one sweep file
#[derive(Debug, Parser)]
#[command(name = "isoflop", version, about, max_term_width = 80)]
pub(super) struct Cli {
    /// Log decisions and their reasons to standard error; `-vv` also logs what is skipped
    /// (`ISOFLOP_LOG` sets a filter instead)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    #[command(subcommand)]
    pub(super) command: CommandLine,
}

#[derive(Debug, Subcommand)]
pub(super) enum CommandLine {
    /// List the runs of a sweep with their FLOPs, memory and time, without starting any
    Plan(PlanArgs),
    /// Train the unfinished runs of a sweep, fit, and write the report; run it again to continue
    Run(RunArgs),
    /// Continue a sweep from its results folder, without its sweep file and text
    Resume(ResumeArgs),
    /// Execute one attempt for a coordinator; jobs call this, users do not need to
    Attempt(AttemptArgs),
    /// Train runs of a coordinator on this machine
    Worker(WorkerArgs),
    /// Make the certificate by which workers recognise their coordinator
    WorkerCert(WorkerCertArgs),
    /// Make, revoke and list the tokens of workers
    WorkerToken(WorkerTokenArgs),
    /// Show the state of each run of a sweep
    Status(SweepArgs),
    /// Import the finished runs of another results folder, for example from another machine
    Import(ImportArgs),
    /// Show the progress and the output of a run
    Logs(LogsArgs),
    /// Cancel queued or running runs
    Cancel(CancelArgs),
    /// Queue failed or cancelled runs again
    Retry(RetryArgs),
    /// Fit profiles, frontiers and compute multipliers to the finished runs
    Fit(FitArgs),
    /// Predict the loss and best size at a budget, or the loss of a run, from the fitted laws
    #[command(allow_negative_numbers = true)]
    Predict(PredictArgs),
    /// Suggest the runs that would narrow a multiplier or an exponent most, within an allowance of
    /// FLOPs
    #[command(allow_negative_numbers = true)]
    Suggest(SuggestArgs),
    /// Write the tables and the report again
    Report(ReportArgs),
    /// List and show the architecture presets
    #[command(subcommand)]
    Arch(ArchCommand),
    /// Print the JSON Schema of sweep files, or of the output of `fit --json`
    Schema(SchemaArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum ArchCommand {
    /// List the presets, one per line
    List(ArchListArgs),
    /// Show an architecture's choices, parameters by group and FLOPs by operation
    Show(ArchShowArgs),
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Subject of the schema
    #[arg(value_enum, default_value_t = SchemaOf::Sweep)]
    pub(super) of: SchemaOf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SchemaOf {
    /// Sweep files
    Sweep,
    /// Output of `fit --json` (`fit.json`), with the unit of every number
    Fit,
}

#[derive(Debug, Args)]
pub(super) struct ArchListArgs {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ArchShowArgs {
    /// Name of the architecture
    pub(super) name: String,
    /// Sweep file with an arm of that name; its vocabulary and sequence length are the defaults
    #[arg(long, value_name = "FILE")]
    pub(super) sweep: Option<PathBuf>,
    /// Size: `small`, `medium` or `large` as in the Primer paper, or a shape such as `d64-l3`,
    /// `d64-l3-h4x16`, `d384-l6-ff12`
    #[arg(long, default_value = "small")]
    pub(super) size: String,
    /// Vocabulary size, in tokens [default: the sweep's, or 32128 as in the Primer paper]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(super) vocab: Option<u32>,
    /// Tokens per sequence [default: the sweep's, or 512 as in the Primer paper]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub(super) sequence_length: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Sweep file
    pub(super) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Skip the measurement of a few steps, and show no times
    #[arg(long)]
    pub(super) no_calibration: bool,
    #[command(flatten)]
    pub(super) folders: FolderArgs,
    #[command(flatten)]
    pub(super) trainer: TrainerArgs,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Sweep file
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) drive: DriveArgs,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// Name of a sweep with results
    pub(super) sweep: String,
    #[command(flatten)]
    pub(super) drive: DriveArgs,
}

#[derive(Debug, Args)]
pub(super) struct AttemptArgs {
    /// Folder of the attempt, or its address in a storage: `s3://bucket/prefix/attempts/TAG`
    pub(super) attempt: PathBuf,
    /// Endpoint of the storage, if it is not Amazon's
    #[arg(long, value_name = "URL")]
    pub(super) endpoint: Option<String>,
    /// Region of the storage
    #[arg(long)]
    pub(super) region: Option<String>,
    #[command(flatten)]
    pub(super) trainer: TrainerArgs,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Results folder of a sweep, such as `other/results/quickstart`
    pub(super) from: PathBuf,
    /// Sweep file, or name of the sweep to import into [default: the sweep of the same name]
    #[arg(long, value_name = "SWEEP")]
    pub(super) into: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) folders: FolderArgs,
}

#[derive(Debug, Args)]
pub(super) struct SweepArgs {
    /// Sweep file, or name of a sweep with results
    pub(super) sweep: String,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) folders: FolderArgs,
}

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// Identity of the run, or the beginning of it
    pub(super) run: String,
    /// Follow the run until it ends
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Number of the attempt [default: the latest]
    #[arg(long, value_name = "N")]
    pub(super) attempt: Option<u32>,
    #[command(flatten)]
    pub(super) filter: SweepFilter,
}

#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// Identities of the runs, or the beginnings of them
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<String>,
    #[command(flatten)]
    pub(super) among: SweepFilter,
}

#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// Identities of the runs, or the beginnings of them
    #[arg(required_unless_present = "failed", value_name = "RUN")]
    pub(super) runs: Vec<String>,
    /// Retry every failed or quarantined run of this sweep
    #[arg(long, value_name = "SWEEP")]
    pub(super) failed: Option<String>,
    #[command(flatten)]
    pub(super) among: SweepFilter,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Sweep file, or name of a sweep with results
    pub(super) sweep: String,
    #[command(flatten)]
    pub(super) folders: FolderArgs,
}

#[derive(Debug, Args)]
pub(super) struct DriveArgs {
    /// Start at most N runs, then stop; with 0, runs are only planned and queued
    #[arg(long, value_name = "N")]
    pub(super) max_runs: Option<usize>,
    /// Exit when the engine has as many jobs as it accepts; `isoflop resume` collects outcomes and
    /// submits more
    #[arg(long)]
    pub(super) detach: bool,
    /// Print events as JSON, one object per line
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) listen: ListenArgs,
    #[command(flatten)]
    pub(super) folders: FolderArgs,
    #[command(flatten)]
    pub(super) trainer: TrainerArgs,
}
