//! Where workers call.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::{AppError, ErrorKind, Listener};
use isoflop_core::run::SweepDir;
use isoflop_dispatch::executor::{Counter, Identity, Tokens, Workers};
use isoflop_sweep::WorkersExecutor;

/// Where they call if nothing else is said: from this machine alone.
const DEFAULT: ([u8; 4], u16) = ([127, 0, 0, 1], 7575);

/// Where a coordinator lets workers call, and which.
#[derive(Clone, Debug, Default)]
pub struct ListenOptions {
    /// Address that they call at; by itself port 7575 of this machine.
    pub address: Option<SocketAddr>,
    /// File of the certificate (PEM) that is shown to them, with its key.
    pub certificate: Option<PathBuf>,
    /// File of the certificate's key (PEM).
    pub key: Option<PathBuf>,
    /// File of the workers that may call; by itself `workers.json` of the results folder.
    pub workers: Option<PathBuf>,
}

/// Workers of a sweep, at an address that is bound and not answered yet.
pub(crate) fn workers(
    settings: &WorkersExecutor,
    options: &ListenOptions,
    dir: &SweepDir,
    listener: &mut dyn Listener,
) -> Result<Workers, AppError> {
    let identity = identity(options)?;
    let tokens = tokens(options, dir, identity.is_some())?;
    let socket = bind(address(options))?;
    if let Ok(bound) = socket.local_addr() {
        let scheme = if identity.is_some() { "https" } else { "http" };
        listener.note(&format!("workers may call at {scheme}://{bound}"));
    }
    let counter = Counter {
        listener: socket,
        identity,
        tokens,
        sweep: dir.name(),
    };
    Ok(Workers::new(counter, settings))
}

fn address(options: &ListenOptions) -> SocketAddr {
    options.address.unwrap_or_else(|| DEFAULT.into())
}

/// Those that may call; refused where nobody may, or where others would hear what they say.
fn tokens(options: &ListenOptions, dir: &SweepDir, is_secret: bool) -> Result<Tokens, AppError> {
    let address = address(options);
    if !is_secret && !address.ip().is_loopback() {
        let message = format!(
            "`--listen {address}` can be reached from other machines, and there is no certificate"
        );
        let hint = "`isoflop worker-cert NAME` makes one; give it with `--cert` and `--key`, or listen on 127.0.0.1 behind a tunnel";
        return Err(AppError::usage(message, hint));
    }
    let tokens = Tokens::at(&options.workers.clone().unwrap_or_else(|| dir.workers()));
    if tokens.list()?.iter().any(|worker| !worker.revoked) {
        return Ok(tokens);
    }
    let message = format!(
        "no worker may call: `{}` lists none",
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
            format!("cannot listen at {address}: {e}"),
            hint,
        )
    })
}

fn identity(options: &ListenOptions) -> Result<Option<Identity>, AppError> {
    let (Some(certificate), Some(key)) = (&options.certificate, &options.key) else {
        return Ok(None);
    };
    let hint = "`isoflop worker-cert` makes a certificate and its key";
    let read = |path: &Path| {
        std::fs::read(path).map_err(|e| AppError::usage(format!("`{}`: {e}", path.display()), hint))
    };
    Identity::new(&read(certificate)?, &read(key)?)
        .map(Some)
        .map_err(|e| AppError::usage(format!("`{}`: {e}", certificate.display()), hint))
}
