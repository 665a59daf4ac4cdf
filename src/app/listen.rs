//! Address, certificate and tokens of the server for workers.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::{AppError, ErrorKind, Listener};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::executor::{ServerIdentity, WorkerPool, WorkerServer, WorkerTokens};
use isoflop_sweep::WorkersExecutor;

/// Default address, which only this machine can reach.
const DEFAULT: ([u8; 4], u16) = ([127, 0, 0, 1], 7575);

/// Options of a coordinator's server for workers.
#[derive(Clone, Debug, Default)]
pub struct ListenOptions {
    /// Address to listen on; 127.0.0.1:7575 if `None`.
    pub address: Option<SocketAddr>,
    /// File with the certificate (PEM); needs `key`.
    pub certificate: Option<PathBuf>,
    /// File with the certificate's key (PEM).
    pub key: Option<PathBuf>,
    /// File with the tokens of workers; `workers.json` in the results folder if `None`.
    pub workers: Option<PathBuf>,
}

/// Creates the worker pool of a sweep. Its address is bound; requests are not answered yet.
pub(crate) fn workers(
    settings: &WorkersExecutor,
    options: &ListenOptions,
    dir: &SweepDir,
    listener: &mut dyn Listener,
) -> Result<WorkerPool, AppError> {
    let identity = identity(options)?;
    let tokens = tokens(options, dir, identity.is_some())?;
    let socket = bind(address(options))?;
    if let Ok(bound) = socket.local_addr() {
        let scheme = if identity.is_some() { "https" } else { "http" };
        listener.note(&format!("listening for workers on {scheme}://{bound}"));
    }
    let counter = WorkerServer {
        listener: socket,
        identity,
        tokens,
        sweep: dir.name(),
    };
    Ok(WorkerPool::new(counter, settings))
}

fn address(options: &ListenOptions) -> SocketAddr {
    options.address.unwrap_or_else(|| DEFAULT.into())
}

/// Tokens of the workers that can connect.
///
/// # Errors
/// [`AppError`] if no worker can connect, or if other machines could read the tokens in transit.
fn tokens(
    options: &ListenOptions,
    dir: &SweepDir,
    is_secret: bool,
) -> Result<WorkerTokens, AppError> {
    let address = address(options);
    if !is_secret && !address.ip().is_loopback() {
        let message = format!(
            "`--listen {address}` is reachable from other machines, but there is no certificate"
        );
        let hint = "make one with `isoflop worker-cert NAME` and give it with `--cert` and `--key`, or listen on 127.0.0.1 behind a tunnel";
        return Err(AppError::usage(message, hint));
    }
    let tokens = WorkerTokens::at(&options.workers.clone().unwrap_or_else(|| dir.workers()));
    if tokens.list()?.iter().any(|worker| !worker.revoked) {
        return Ok(tokens);
    }
    let message = format!(
        "no worker can connect: `{}` contains no valid token",
        tokens.path().display()
    );
    let hint = "make a token with `isoflop worker-token new NAME`";
    Err(AppError::usage(message, hint))
}

fn bind(address: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(address).map_err(|e| {
        let hint = "choose another address with `--listen`";
        AppError::new(
            ErrorKind::ExecutorUnreachable,
            format!("cannot listen on {address}: {e}"),
            hint,
        )
    })
}

fn identity(options: &ListenOptions) -> Result<Option<ServerIdentity>, AppError> {
    let (Some(certificate), Some(key)) = (&options.certificate, &options.key) else {
        return Ok(None);
    };
    let hint = "make a certificate and its key with `isoflop worker-cert`";
    let read = |path: &Path| {
        std::fs::read(path)
            .map_err(|e| AppError::usage(format!("cannot read `{}`: {e}", path.display()), hint))
    };
    ServerIdentity::new(&read(certificate)?, &read(key)?)
        .map(Some)
        .map_err(|e| AppError::usage(format!("cannot use `{}`: {e}", certificate.display()), hint))
}
