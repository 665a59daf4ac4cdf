//! `isoflop worker`, `isoflop worker-cert`, `isoflop worker-token`

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::worker_args::{WorkerArgs, WorkerCertArgs, WorkerTokenArgs, WorkerTokenCommand};
use super::{ExitReason, output};
use isoflop_app::{AppError, cache_folder};
use isoflop_core::run::{unwritable, write_atomic};
use isoflop_dispatch::exchange::{BearerToken, CoordinatorAddress};
use isoflop_dispatch::executor::{
    TrainerProgram, WorkerTokens, gpu_count, make_certificate, write_secret,
};
use isoflop_dispatch::worker::{WorkerOptions, work};

pub(super) fn main(args: &WorkerArgs) -> Result<ExitReason, AppError> {
    let trainer = TrainerProgram::find(args.trainer.trainer.as_deref())?;
    let token = BearerToken::read(&args.token_file)?;
    let options = WorkerOptions {
        address: CoordinatorAddress {
            url: args.connect.clone(),
            token,
            fingerprint: args.fingerprint,
        },
        trainer,
        folder: args
            .folder
            .clone()
            .unwrap_or_else(|| cache_folder("isoflop-worker")),
        cores: args
            .cores
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get() as u32)),
        gpus: args.gpus.unwrap_or_else(gpu_count),
        idle: args.idle_seconds.map(Duration::from_secs),
    };
    work(options, |words| output::note(words))?;
    Ok(ExitReason::Ok)
}

/// Makes a certificate and its key, and prints the fingerprint for workers.
pub(super) fn certificate(args: &WorkerCertArgs) -> Result<ExitReason, AppError> {
    let hint = "give names such as `trainer.example.org`, or addresses such as `10.0.0.7`";
    let made = make_certificate(args.names.clone()).map_err(|e| AppError::usage(e, hint))?;
    write_secret(&args.key, &made.key).map_err(|e| not_written(&args.key, e))?;
    write_atomic(&args.cert, made.certificate.as_bytes())
        .map_err(|e| not_written(&args.cert, e))?;
    let (cert, key, fingerprint) = (args.cert.display(), args.key.display(), made.fingerprint);
    output::block(format!(
        "wrote {cert} and {key} (secret). Start the coordinator with\n  --cert {cert} --key {key}\nand workers with\n  --fingerprint {fingerprint}"
    ));
    Ok(ExitReason::Ok)
}

fn not_written(path: &Path, error: std::io::Error) -> AppError {
    let hint = "existing files are not overwritten: remove the file if it is no longer needed, or name another";
    AppError::usage(unwritable(path)(error), hint)
}

pub(super) fn token(args: &WorkerTokenArgs) -> Result<ExitReason, AppError> {
    let tokens = WorkerTokens::at(&args.workers);
    match &args.command {
        WorkerTokenCommand::New { name, out } => {
            let out = out
                .clone()
                .unwrap_or_else(|| PathBuf::from(format!("{name}.token")));
            if out.exists() {
                return Err(not_written(&out, std::io::ErrorKind::AlreadyExists.into()));
            }
            if let Some(folder) = args.workers.parent() {
                std::fs::create_dir_all(folder).map_err(|e| not_written(folder, e))?;
            }
            let token = tokens.add(name)?;
            write_secret(&out, &format!("{token}\n")).map_err(|e| not_written(&out, e))?;
            let out = out.display();
            output::paragraph(format!(
                "wrote {out} (secret), which the worker `{name}` needs"
            ));
        }
        WorkerTokenCommand::Revoke { name } => {
            tokens.revoke(name)?;
            output::paragraph(format!("revoked the token of `{name}`"));
        }
        WorkerTokenCommand::List => {
            for worker in tokens.list()? {
                let revoked = if worker.revoked { "  revoked" } else { "" };
                output::line(format!("{}{revoked}", worker.name));
            }
        }
    }
    Ok(ExitReason::Ok)
}
