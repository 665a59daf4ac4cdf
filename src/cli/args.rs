//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::next_args::{PredictArgs, SuggestArgs};

/// Which architecture is the better buy, at which compute, how sure: scaling-law experiments from a sweep file.
#[derive(Debug, Parser)]
#[command(name = "isoflop", version, about, max_term_width = 100)]
pub struct Cli {
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
    Predict(PredictArgs),
    /// Suggest the runs that would narrow a multiplier or an exponent most, for so many FLOPs
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
    #[command(flatten)]
    pub(super) folders: Folders,
    #[command(flatten)]
    pub(super) trainer: TrainerArgs,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// Name of a sweep that has results
    pub(super) sweep: String,
    #[command(flatten)]
    pub(super) drive: DriveArgs,
    #[command(flatten)]
    pub(super) folders: Folders,
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
    /// Look among the runs of this sweep alone
    #[arg(long, value_name = "SWEEP")]
    pub(super) sweep: Option<String>,
    #[command(flatten)]
    pub(super) folders: Folders,
}

#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// Runs, by their identities or the beginnings of them
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<String>,
    /// Look among the runs of this sweep alone
    #[arg(long, value_name = "SWEEP")]
    pub(super) sweep: Option<String>,
    #[command(flatten)]
    pub(super) folders: Folders,
}

#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// Runs, by their identities or the beginnings of them
    #[arg(required_unless_present = "failed", value_name = "RUN")]
    pub(super) runs: Vec<String>,
    /// Every run of this sweep that failed or is quarantined
    #[arg(long, value_name = "SWEEP")]
    pub(super) failed: Option<String>,
    /// Look among the runs of this sweep alone
    #[arg(long, value_name = "SWEEP")]
    pub(super) sweep: Option<String>,
    #[command(flatten)]
    pub(super) folders: Folders,
}

#[derive(Debug, Args)]
pub(super) struct FitArgs {
    /// Sweep file, name of a sweep that has results, or a table of runs that others measured (.csv, .tsv, .parquet)
    #[arg(value_name = "SWEEP|TABLE")]
    pub(super) sweep: String,
    /// Which column of a table is what, where its name does not say: `params=N,tokens=D,loss=val_loss,arch=model`
    #[arg(long, value_name = "ROLE=COLUMN,...", value_delimiter = ',', value_parser = role_and_column)]
    pub(super) map: Vec<(String, String)>,
    /// Keep the runs of a table that look diverged
    #[arg(long)]
    pub(super) keep_suspects: bool,
    /// Write the fits as JSON to this file too
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Arm that the others are compared with [default: the sweep's, or the first of a table]
    #[arg(long, value_name = "ARM")]
    pub(super) baseline: Option<String>,
    /// Bootstrap replicates
    #[arg(long, default_value_t = REPLICATES, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(super) replicates: u32,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// Give multipliers beyond the losses measured in both arms too, marked as extrapolated
    #[arg(long)]
    pub(super) extrapolate: bool,
    /// Way from runs to a frontier [default: the first of profiles and surface that both arms have]
    #[arg(long, value_enum)]
    pub(super) approach: Option<ApproachArg>,
    /// What a run costs
    #[arg(long, value_enum, default_value_t = CostArg::Flops)]
    pub(super) cost: CostArg,
    /// What N counts
    #[arg(long, value_enum, default_value_t = CountArg::Total)]
    pub(super) count: CountArg,
    /// What surfaces are fitted by
    #[arg(long, value_enum, default_value_t = ObjectiveArg::Huber)]
    pub(super) objective: ObjectiveArg,
    #[command(flatten)]
    pub(super) folders: Folders,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ApproachArg {
    /// A parabola at each budget, and a power law through their vertices
    Profiles,
    /// The same with cubics
    ProfilesCubic,
    /// The same with parabolas through the sizes near the optimum
    ProfilesWindowed,
    /// L = E + A·N^-α + B·D^-β through all runs
    Surface,
    /// The lower envelope of all training curves; gives no intervals
    Envelope,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CostArg {
    /// FLOPs as they are given; exact for isoflop's own runs
    Flops,
    /// 6·N·D
    #[value(name = "6nd")]
    SixNd,
    /// Seconds of training, times devices
    DeviceSeconds,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CountArg {
    /// All parameters
    Total,
    /// All but the embedding's
    WithoutEmbedding,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ObjectiveArg {
    /// A sum of Huber's losses of log L, δ = 1e-3
    Huber,
    /// Least squares of log L
    LeastSquares,
    /// Student's likelihood with a free scale
    Likelihood,
}

/// `params=N`, of which a list is made.
pub(super) fn role_and_column(text: &str) -> Result<(String, String), String> {
    let (role, column) = text.split_once('=').ok_or("write it as `params=COLUMN`")?;
    match (role.trim(), column.trim()) {
        ("", _) | (_, "") => Err("write it as `params=COLUMN`".to_owned()),
        (role, column) => Ok((role.to_owned(), column.to_owned())),
    }
}

/// Bootstrap replicates where none are asked for.
pub(super) const REPLICATES: u32 = 2000;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Sweep file, or name of a sweep that has results
    pub(super) sweep: String,
    #[command(flatten)]
    pub(super) folders: Folders,
}

#[derive(Debug, Args)]
pub(super) struct Folders {
    /// Folder of results
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub(super) results: PathBuf,
    /// Folder of reports
    #[arg(long, default_value = "reports", value_name = "DIR")]
    pub(super) reports: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct DriveArgs {
    /// Start at most N runs, then stop; 0 plans and queues
    #[arg(long, value_name = "N")]
    pub(super) max_runs: Option<usize>,
    /// Print what happens as JSON, an object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct TrainerArgs {
    /// Trainer program [default: isoflop-trainer beside this program]
    #[arg(long, value_name = "PROGRAM")]
    pub(super) trainer: Option<PathBuf>,
}
