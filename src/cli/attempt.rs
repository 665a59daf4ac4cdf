//! `isoflop attempt`

use super::args::AttemptArgs;
use super::{ExitReason, output};
use isoflop_app::AppError;
use isoflop_core::run::AttemptDir;
use isoflop_dispatch::exchange::StorageAddress;
use isoflop_dispatch::executor::TrainerProgram;
use isoflop_dispatch::worker::{JobAddress, JobResult, attend};

/// Exits with 0 however the trainer ended, because `end.json` records that. Otherwise an engine
/// could retry the job.
pub(super) fn main(args: &AttemptArgs) -> Result<ExitReason, AppError> {
    let trainer = TrainerProgram::find(args.trainer.trainer.as_deref())?;
    let address = args
        .attempt
        .to_str()
        .filter(|address| address.contains("://"));
    let address = match address {
        Some(url) => in_storage(url, args)?,
        None => JobAddress::Folder(AttemptDir::at(args.attempt.clone())),
    };
    match attend(&address, trainer, |words| output::note(words))? {
        JobResult::Ended => {}
        JobResult::AlreadyClaimed => {
            output::note("another job executes this attempt, or has executed it; exiting")
        }
        JobResult::Missing => {
            output::note("this attempt is not in the storage, or no longer in it; exiting")
        }
    }
    Ok(ExitReason::Ok)
}

fn in_storage(url: &str, args: &AttemptArgs) -> Result<JobAddress, AppError> {
    let (endpoint, region) = (args.endpoint.clone(), args.region.clone());
    let Some((storage, tag)) = StorageAddress::of_attempt(url, endpoint, region) else {
        let message =
            format!("invalid attempt address `{url}`: expected `s3://bucket/prefix/attempts/TAG`");
        let hint = "engines start `isoflop attempt` for attempts that `isoflop run` wrote; to train runs, use `isoflop run`";
        return Err(AppError::usage(message, hint));
    };
    Ok(JobAddress::Storage(storage, tag))
}
