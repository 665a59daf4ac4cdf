//! Errors of workers, of jobs, and of the list of those that may call.

use super::{AppError, ErrorKind};
use isoflop_dispatch::exchange::AddressError;
use isoflop_dispatch::executor::TokensError;
use isoflop_dispatch::worker::WorkerError;

impl From<TokensError> for AppError {
    fn from(error: TokensError) -> Self {
        let hint = match &error {
            TokensError::File(..) => {
                "check the path, and that you may read and write there".to_owned()
            }
            TokensError::Damaged(..) => {
                "remove it, and make the tokens anew with `isoflop worker-token new NAME`"
                    .to_owned()
            }
            TokensError::Open(path, _) => format!("`chmod 600 {}`", path.display()),
            TokensError::Taken(name) => {
                format!("take another name; `isoflop worker-token revoke {name}` ends that one")
            }
            TokensError::Nobody(_) => "`isoflop worker-token list` names them".to_owned(),
            TokensError::Name(_) => "take a name such as `gpu-1`".to_owned(),
            TokensError::Random(_) => "check /dev/urandom".to_owned(),
        };
        Self::usage(error, hint)
    }
}

impl From<WorkerError> for AppError {
    fn from(error: WorkerError) -> Self {
        let (exit, hint) = match &error {
            WorkerError::Address(AddressError::Invalid(..)) => (
                ErrorKind::Usage,
                "give it as `https://HOST:PORT`, with the token that was made there",
            ),
            WorkerError::Storage(..) => (
                ErrorKind::Usage,
                "give the address that `isoflop run` gave to the engine",
            ),
            WorkerError::Address(AddressError::Clear(_)) => (
                ErrorKind::Usage,
                "use https (`isoflop worker-cert` at the coordinator makes a certificate), or a tunnel: `ssh -L 7575:127.0.0.1:7575 HOST`",
            ),
            WorkerError::Address(AddressError::Tls(_)) => {
                (ErrorKind::Usage, "check the fingerprint")
            }
            WorkerError::Folder(..) => (ErrorKind::Usage, "choose another `--folder`"),
            WorkerError::Locked(_) => (
                ErrorKind::Usage,
                "end it, or give this one a `--folder` of its own",
            ),
            WorkerError::NoLaunch(..) => (
                ErrorKind::Usage,
                "`isoflop run` writes attempts and gives them to engines; to train a run, use that",
            ),
            WorkerError::Unwritable(..) => (
                ErrorKind::Bug,
                "free space, and check that this machine can write to the results folder",
            ),
            WorkerError::Refused(refusal) => {
                (ErrorKind::ExecutorUnreachable, refusal.hint.as_str())
            }
            WorkerError::Trainer(_) => (
                ErrorKind::ExecutorUnreachable,
                "give the trainer with `--trainer`",
            ),
            WorkerError::Here(_) => (
                ErrorKind::Bug,
                "see to it, and start the worker again: what it has kept is delivered",
            ),
            WorkerError::Survivors(_) => (
                ErrorKind::Bug,
                "end them with `kill -9`, and start the worker again",
            ),
        };
        Self::new(exit, &error, hint)
    }
}
