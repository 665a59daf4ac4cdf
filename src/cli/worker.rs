//! `isoflop worker`, `isoflop worker-cert`, `isoflop worker-token`

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::cache;
use super::worker_args::{WorkerArgs, WorkerCertArgs, WorkerTokenArgs, WorkerTokenCommand};
use super::{Exit, Failed, output};
use isoflop_core::run::write_whole;
use isoflop_dispatch::exchange::{Address, AddressError, Token};
use isoflop_dispatch::executor::{
    Tokens, TokensError, Trainer, gpu_count, make_certificate, write_secret,
};
use isoflop_dispatch::worker::{WorkerError, WorkerOptions, work};

pub(super) fn main(args: &WorkerArgs) -> Result<Exit, Failed> {
    let trainer = Trainer::find(args.trainer.trainer.as_deref())?;
    let token = Token::read(&args.token_file)?;
    let options = WorkerOptions {
        address: Address {
            url: args.connect.clone(),
            token,
            fingerprint: args.fingerprint,
        },
        trainer,
        folder: args
            .folder
            .clone()
            .unwrap_or_else(|| cache("isoflop-worker")),
        cores: args
            .cores
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get() as u32)),
        gpus: args.gpus.unwrap_or_else(gpu_count),
        idle: args.idle_seconds.map(Duration::from_secs),
    };
    work(options, |words| output::note(words))?;
    Ok(Exit::Ok)
}

/// Makes a certificate and its key, and says by which fingerprint workers know it.
pub(super) fn certificate(args: &WorkerCertArgs) -> Result<Exit, Failed> {
    let made = make_certificate(args.names.clone()).map_err(|e| {
        Failed::new(
            Exit::Usage,
            e,
            "give names such as `trainer.example.org`, or addresses such as `10.0.0.7`",
        )
    })?;
    write_secret(&args.key, &made.key).map_err(|e| not_written(&args.key, &e))?;
    write_whole(&args.cert, made.certificate.as_bytes())
        .map_err(|e| not_written(&args.cert, &e))?;
    output::line(format!(
        "{} and {} (a secret) are written. Start the coordinator with\n  --cert {} --key {}\nand workers with\n  --fingerprint {}",
        args.cert.display(),
        args.key.display(),
        args.cert.display(),
        args.key.display(),
        made.fingerprint
    ));
    Ok(Exit::Ok)
}

fn not_written(path: &Path, error: &std::io::Error) -> Failed {
    let hint = "a file that is there is not overwritten: remove it if it is of no more use, or name another";
    Failed::new(
        Exit::Usage,
        format!("cannot write `{}`: {error}", path.display()),
        hint,
    )
}

pub(super) fn token(args: &WorkerTokenArgs) -> Result<Exit, Failed> {
    let tokens = Tokens::at(&args.workers);
    match &args.command {
        WorkerTokenCommand::New { name, out } => {
            let out = out
                .clone()
                .unwrap_or_else(|| PathBuf::from(format!("{name}.token")));
            if out.exists() {
                return Err(not_written(&out, &std::io::ErrorKind::AlreadyExists.into()));
            }
            if let Some(folder) = args.workers.parent() {
                std::fs::create_dir_all(folder).map_err(|e| not_written(folder, &e))?;
            }
            let token = tokens.add(name)?;
            write_secret(&out, &format!("{token}\n")).map_err(|e| not_written(&out, &e))?;
            output::line(format!(
                "{} is written (a secret): the worker `{name}` needs it",
                out.display()
            ));
        }
        WorkerTokenCommand::Revoke { name } => {
            tokens.revoke(name)?;
            output::line(format!("the token of `{name}` counts no more"));
        }
        WorkerTokenCommand::List => {
            for worker in tokens.list()? {
                let revoked = if worker.revoked { "  revoked" } else { "" };
                output::line(format!("{}{revoked}", worker.name));
            }
        }
    }
    Ok(Exit::Ok)
}

impl From<TokensError> for Failed {
    fn from(error: TokensError) -> Self {
        let hint = match &error {
            TokensError::File { .. } => {
                "check the path, and that you may read and write there".to_owned()
            }
            TokensError::Damaged { .. } => {
                "remove it, and make the tokens anew with `isoflop worker-token new NAME`"
                    .to_owned()
            }
            TokensError::Open { path, .. } => format!("`chmod 600 {}`", path.display()),
            TokensError::Taken(name) => {
                format!("take another name; `isoflop worker-token revoke {name}` ends that one")
            }
            TokensError::Nobody(_) => "`isoflop worker-token list` names them".to_owned(),
            TokensError::Name(_) => "take a name such as `gpu-1`".to_owned(),
            TokensError::Random(_) => "check /dev/urandom".to_owned(),
        };
        Self::new(Exit::Usage, error, hint)
    }
}

impl From<WorkerError> for Failed {
    fn from(error: WorkerError) -> Self {
        let (exit, hint) = match &error {
            WorkerError::Address(AddressError::Invalid(..)) => (
                Exit::Usage,
                "give it as `https://HOST:PORT`, with the token that was made there",
            ),
            WorkerError::Storage(..) => (
                Exit::Usage,
                "give the address that `isoflop run` gave to the engine",
            ),
            WorkerError::Address(AddressError::Clear(_)) => (
                Exit::Usage,
                "use https (`isoflop worker-cert` at the coordinator makes a certificate), or a tunnel: `ssh -L 7575:127.0.0.1:7575 HOST`",
            ),
            WorkerError::Address(AddressError::Tls(_)) => (Exit::Usage, "check the fingerprint"),
            WorkerError::Folder(..) => (Exit::Usage, "choose another `--folder`"),
            WorkerError::Locked(_) => (
                Exit::Usage,
                "end it, or give this one a `--folder` of its own",
            ),
            WorkerError::NoLaunch(..) => (
                Exit::Usage,
                "`isoflop run` writes attempts and gives them to engines; to train a run, use that",
            ),
            WorkerError::Unwritable(..) => (
                Exit::Bug,
                "free space, and check that this machine can write to the results folder",
            ),
            WorkerError::Refused(refusal) => (Exit::ExecutorUnreachable, refusal.hint.as_str()),
            WorkerError::Trainer(_) => (
                Exit::ExecutorUnreachable,
                "give the trainer with `--trainer`",
            ),
            WorkerError::Here(_) => (
                Exit::Bug,
                "see to it, and start the worker again: what it has kept is delivered",
            ),
            WorkerError::Survivors(_) => (
                Exit::Bug,
                "end them with `kill -9`, and start the worker again",
            ),
        };
        Self::new(exit, &error, hint)
    }
}
