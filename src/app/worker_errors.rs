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
            "give it as `https://HOST:PORT`, with the token that was made there"
        }
        WorkerError::Address(AddressError::Clear(_)) => {
            "use https (`isoflop worker-cert` at the coordinator makes a certificate), or a tunnel: `ssh -L 7575:127.0.0.1:7575 HOST`"
        }
        WorkerError::Address(AddressError::Tls(_)) => "check the fingerprint",
        WorkerError::Storage(..) => "give the address that `isoflop run` gave to the engine",
        WorkerError::Folder(..) => "choose another `--folder`",
        WorkerError::Locked(_) => "end it, or give this one a `--folder` of its own",
        WorkerError::NoLaunch(..) => {
            "`isoflop run` writes attempts and gives them to engines; to train a run, use that"
        }
        WorkerError::Unwritable(..) => {
            "free space, and check that this machine can write to the results folder"
        }
        WorkerError::Refused(refusal) => &refusal.hint,
        WorkerError::Trainer(_) => "give the trainer with `--trainer`",
        WorkerError::Here(_) => {
            "see to it, and start the worker again: what it has kept is delivered"
        }
        WorkerError::Survivors(_) => "end them with `kill -9`, and start the worker again",
    }
}
