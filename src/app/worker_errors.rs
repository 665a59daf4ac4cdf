//! Errors of workers, of jobs and of the list of worker tokens.

use super::{AppError, ErrorKind};
use isoflop_dispatch::exchange::AddressError;
use isoflop_dispatch::executor::TokensError;
use isoflop_dispatch::worker::WorkerError;

impl From<TokensError> for AppError {
    fn from(error: TokensError) -> Self {
        let hint = match &error {
            TokensError::File(..) => {
                "check the path, and that you can read and write the file".to_owned()
            }
            TokensError::Damaged(..) => {
                "remove it, then make new tokens with `isoflop worker-token new NAME`".to_owned()
            }
            TokensError::Open(path, _) => format!("run `chmod 600 {}`", path.display()),
            TokensError::Taken(name) => {
                format!(
                    "choose another name; `isoflop worker-token revoke {name}` revokes the old token"
                )
            }
            TokensError::Unknown(_) => "`isoflop worker-token list` lists the workers".to_owned(),
            TokensError::Name(_) => "choose a name such as `gpu-1`".to_owned(),
            TokensError::Random(_) => "check that `/dev/urandom` is readable".to_owned(),
        };
        Self::usage(error, hint)
    }
}

impl From<WorkerError> for AppError {
    fn from(error: WorkerError) -> Self {
        let kind = match &error {
            WorkerError::Unwritable(..) | WorkerError::Here(_) | WorkerError::Survivors(_) => {
                ErrorKind::Bug
            }
            WorkerError::Refused(_) | WorkerError::Trainer(_) => ErrorKind::ExecutorUnreachable,
            _ => ErrorKind::Usage,
        };
        Self::new(kind, &error, hint(&error))
    }
}

fn hint(error: &WorkerError) -> &str {
    match error {
        WorkerError::Address(AddressError::Invalid(..)) => {
            "give the coordinator's address as `https://HOST:PORT`, with a token that was made there"
        }
        WorkerError::Address(AddressError::Unencrypted(_)) => {
            "use https (`isoflop worker-cert` makes a certificate for the coordinator), or a tunnel: `ssh -L 7575:127.0.0.1:7575 HOST`"
        }
        WorkerError::Address(AddressError::Tls(_)) => "check the value of `--fingerprint`",
        WorkerError::Storage(..) => "use the address that `isoflop run` passed to the engine",
        WorkerError::Folder(..) => "choose another `--folder`",
        WorkerError::Locked(_) => "end that worker, or choose another `--folder` for this one",
        WorkerError::NoLaunch(..) => {
            "engines start `isoflop attempt` for attempts that `isoflop run` wrote; to train runs, use `isoflop run`"
        }
        WorkerError::Unwritable(..) => {
            "free space, and check that this machine can write to the results folder"
        }
        WorkerError::Refused(refusal) => &refusal.hint,
        WorkerError::Trainer(_) => "give the path of the trainer with `--trainer`",
        WorkerError::Here(_) => {
            "fix the cause, then start the worker again; it delivers the attempts that it has kept"
        }
        WorkerError::Survivors(_) => {
            "end these processes with `kill -9`, then start the worker again"
        }
    }
}
