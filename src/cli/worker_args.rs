//! Arguments of the commands for workers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common_args::TrainerArgs;
use isoflop_dispatch::protocol::Fingerprint;

/// Options of the coordinator's server for workers.
#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    /// Address to listen on for workers, with `executor: workers` [default: 127.0.0.1:7575]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) listen: Option<std::net::SocketAddr>,
    /// Certificate (PEM) of the server for workers, with `--key`; `isoflop worker-cert` makes both
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// Key (PEM) of the certificate
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// File with the tokens of workers, as `isoflop worker-token` writes it [default: workers.json
    /// in the results folder]
    #[arg(long, value_name = "FILE")]
    pub(super) workers: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct WorkerArgs {
    /// The coordinator: `https://HOST:PORT`, or `http://127.0.0.1:PORT` through a tunnel
    #[arg(long, value_name = "URL")]
    pub(super) connect: String,
    /// File with this worker's token
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: PathBuf,
    /// Fingerprint of the coordinator's certificate, as `isoflop worker-cert` prints it
    #[arg(long, value_name = "SHA256")]
    pub(super) fingerprint: Option<Fingerprint>,
    /// Folder for tokenised text and undelivered attempts [default: isoflop-worker in the user's
    /// cache]
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// CPU cores to give to runs [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) cores: Option<u32>,
    /// GPUs to give to runs [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(super) gpus: Option<u32>,
    /// Exit after N seconds without a run
    #[arg(long, value_name = "N")]
    pub(super) idle_seconds: Option<u64>,
    #[command(flatten)]
    pub(super) trainer: TrainerArgs,
}

#[derive(Debug, Args)]
pub(super) struct WorkerCertArgs {
    /// Names and addresses of the coordinator's machine
    #[arg(default_value = "localhost", value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// File to write the certificate to
    #[arg(long, default_value = "isoflop-cert.pem", value_name = "FILE")]
    pub(super) cert: PathBuf,
    /// File to write its key to
    #[arg(long, default_value = "isoflop-key.pem", value_name = "FILE")]
    pub(super) key: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct WorkerTokenArgs {
    #[command(subcommand)]
    pub(super) command: WorkerTokenCommand,
    /// File with the tokens of workers
    #[arg(
        long,
        default_value = "results/workers.json",
        value_name = "FILE",
        global = true
    )]
    pub(super) workers: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum WorkerTokenCommand {
    /// Make a token for a new worker
    New {
        /// Name of the worker
        name: String,
        /// File to write the token to [default: NAME.token]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Revoke a worker's token, with immediate effect
    Revoke {
        /// Name of the worker
        name: String,
    },
    /// List the workers
    List,
}
