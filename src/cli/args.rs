//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::common_args::{Folders, SweepFilter, TrainerArgs};
use super::fit_args::FitArgs;
use super::next_args::{PredictArgs, SuggestArgs};
use super::worker_args::{ListenArgs, WorkerArgs, WorkerCertArgs, WorkerTokenArgs};

/// Which architecture is the better buy, at which compute, how sure: scaling-law experiments from a sweep file.
#[derive(Debug, Parser)]
#[command(name = "isoflop", version, about, max_term_width = 100)]
pub(super) struct Cli {
    /// Say on standard error what is decided, and why; twice also what is passed over (`ISOFLOP_LOG` takes a filter instead)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    #[command(subcommand)]
    pub(super) command: CommandLine,
}

#[derive(Debug, Subcommand)]
pub(super) enum CommandLine {
    /// Show the runs of a sweep and what they cost, without starting anything
    Plan(PlanArgs),
    /// Train what is not done yet, then fit and report; run it again to go on
    Run(RunArgs),
    /// Go on with a sweep from its results alone, without its file and text
    Resume(ResumeArgs),
    /// Execute one attempt at a run here, for a coordinator elsewhere: what jobs of an engine do
    Attempt(AttemptArgs),
    /// Train runs of a coordinator elsewhere, on this machine
    Worker(WorkerArgs),
    /// Make the certificate by which workers know their coordinator
    WorkerCert(WorkerCertArgs),
    /// Say which workers may call
    WorkerToken(WorkerTokenArgs),
    /// Show how the runs of a sweep stand
    Status(SweepArgs),
    /// Take over the finished runs of another results folder, of another machine say
    Import(ImportArgs),
    /// Show what a run said and printed
    Logs(LogsArgs),
    /// Give runs up, running or not
    Cancel(CancelArgs),
    /// Queue runs again that failed or were cancelled
    Retry(RetryArgs),
    /// Fit profiles, frontiers and multipliers to the finished runs
    Fit(FitArgs),
    /// Predict loss and best size at a budget, or the loss of a run, from the fitted laws
    #[command(allow_negative_numbers = true)]
    Predict(PredictArgs),
    /// Suggest the runs that would narrow a multiplier or an exponent most, for so many FLOPs
    #[command(allow_negative_numbers = true)]
    Suggest(SuggestArgs),
    /// Write the tables and the report again
    Report(ReportArgs),
    /// Show the architectures that have a name, and what they are made of
    #[command(subcommand)]
    Arch(ArchCommand),
    /// Print the JSON Schema of sweep files, or of what `fit --json` says
    Schema(SchemaArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum ArchCommand {
    /// Name every architecture, in a line each
    List(ArchListArgs),
    /// Show an architecture's choices, its parameters by group and its FLOPs by operation
    Show(ArchShowArgs),
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// What it is of
    #[arg(value_enum, default_value_t = SchemaOf::Sweep)]
    pub(super) of: SchemaOf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SchemaOf {
    /// Sweep files
    Sweep,
    /// fit.json, with the unit of every number
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
    /// Look the name up among the arms of this sweep file, and take its vocabulary and sequences
    #[arg(long, value_name = "FILE")]
    pub(super) sweep: Option<PathBuf>,
    /// `small`, `medium` or `large`, the paper's, or a shape such as `d64-l3`, `d64-l3-h4x16`, `d384-l6-ff12`
    #[arg(long, default_value = "small")]
    pub(super) size: String,
    /// Number of distinct tokens [default: 32128, the paper's, or the sweep's]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(super) vocab: Option<u32>,
    /// Tokens in a sequence [default: 512, or the sweep's]
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
    /// Give no times: skip the measurement of a few steps
    #[arg(long)]
    pub(super) no_calibration: bool,
    #[command(flatten)]
    pub(super) folders: Folders,
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
    /// Name of a sweep that has results
    pub(super) sweep: String,
    #[command(flatten)]
    pub(super) drive: DriveArgs,
}

#[derive(Debug, Args)]
pub(super) struct AttemptArgs {
    /// Folder of the attempt, or its address in a storage: `s3://bucket/prefix/attempts/TAG`
    pub(super) attempt: PathBuf,
    /// Where the storage answers, if it is not Amazon's
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
    /// Sweep file, or name of the sweep that they become part of [default: the one of the same name]
    #[arg(long, value_name = "SWEEP")]
    pub(super) into: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) folders: Folders,
}

#[derive(Debug, Args)]
pub(super) struct SweepArgs {
    /// Sweep file, or name of a sweep that has results
    pub(super) sweep: String,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) folders: Folders,
}

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// Run, by its identity or the beginning of it
    pub(super) run: String,
    /// Go on until the run ends
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Show this attempt [default: the latest]
    #[arg(long, value_name = "N")]
    pub(super) attempt: Option<u32>,
    #[command(flatten)]
    pub(super) among: SweepFilter,
}

#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// Runs, by their identities or the beginnings of them
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<String>,
    #[command(flatten)]
    pub(super) among: SweepFilter,
}

#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// Runs, by their identities or the beginnings of them
    #[arg(required_unless_present = "failed", value_name = "RUN")]
    pub(super) runs: Vec<String>,
    /// Every run of this sweep that failed or is quarantined
    #[arg(long, value_name = "SWEEP")]
    pub(super) failed: Option<String>,
    #[command(flatten)]
    pub(super) among: SweepFilter,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Sweep file, or name of a sweep that has results
    pub(super) sweep: String,
    #[command(flatten)]
    pub(super) folders: Folders,
}

#[derive(Debug, Args)]
pub(super) struct DriveArgs {
    /// Start at most N runs, then stop; 0 plans and queues
    #[arg(long, value_name = "N")]
    pub(super) max_runs: Option<usize>,
    /// End when the engine has as many jobs as it may; `isoflop resume` collects, and gives it more
    #[arg(long)]
    pub(super) detach: bool,
    /// Print what happens as JSON, an object a line
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) listen: ListenArgs,
    #[command(flatten)]
    pub(super) folders: Folders,
    #[command(flatten)]
    pub(super) trainer: TrainerArgs,
}
