//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Fit profiles, frontiers and multipliers to the finished runs
    Fit(FitArgs),
    /// Write the tables and the report again
    Report(ReportArgs),
    /// Show the architectures that have a name, and what they are made of
    #[command(subcommand)]
    Arch(ArchCommand),
    /// Print the JSON Schema of sweep files
    Schema,
}

#[derive(Debug, Subcommand)]
pub(super) enum ArchCommand {
    /// Name every architecture, in a line each
    List(ArchListArgs),
    /// Show an architecture's choices, its parameters by group and its FLOPs by operation
    Show(ArchShowArgs),
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
    pub(super) folders: Folders,
    #[command(flatten)]
    pub(super) trainer: TrainerArgs,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// Name of a sweep that has results
    pub(super) sweep: String,
    #[command(flatten)]
    pub(super) folders: Folders,
    #[command(flatten)]
    pub(super) trainer: TrainerArgs,
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
pub(super) struct FitArgs {
    /// Sweep file, or name of a sweep that has results
    pub(super) sweep: String,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Arm that the others are compared with [default: the sweep's]
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
    #[command(flatten)]
    pub(super) folders: Folders,
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
pub(super) struct TrainerArgs {
    /// Trainer program [default: isoflop-trainer beside this program]
    #[arg(long, value_name = "PROGRAM")]
    pub(super) trainer: Option<PathBuf>,
}
