//! `isoflop attempt`

use super::args::AttemptArgs;
use super::{Exit, output};
use isoflop_app::AppError;
use isoflop_core::run::AttemptDir;
use isoflop_dispatch::exchange::StorageAddress;
use isoflop_dispatch::executor::Trainer;
use isoflop_dispatch::worker::{Attended, JobAddress, attend};

/// Exits with 0 however the trainer ended: `end.json` says that, and an engine that thinks it knows better tries again.
pub(super) fn main(args: &AttemptArgs) -> Result<Exit, AppError> {
    let trainer = Trainer::find(args.trainer.trainer.as_deref())?;
    let address = args
        .attempt
        .to_str()
        .filter(|address| address.contains("://"));
    let address = match address {
        Some(url) => in_storage(url, args)?,
        None => JobAddress::Folder(AttemptDir::at(args.attempt.clone())),
    };
    match attend(&address, trainer, |words| output::note(words))? {
        Attended::Ended => {}
        Attended::Elsewhere => {
            output::note("this attempt is executed by another job, or was: nothing is done here")
        }
        Attended::Unwanted => output::note(
            "this attempt is not in the storage, or not any more: nothing is done here",
        ),
    }
    Ok(Exit::Ok)
}

fn in_storage(url: &str, args: &AttemptArgs) -> Result<JobAddress, AppError> {
    let (endpoint, region) = (args.endpoint.clone(), args.region.clone());
    let Some((storage, tag)) = StorageAddress::of_attempt(url, endpoint, region) else {
        let message = format!(
            "`{url}` is no address of an attempt: `s3://bucket/prefix/attempts/TAG` is one"
        );
        let hint = "`isoflop run` gives attempts to engines; to train a run, use that";
        return Err(AppError::usage(message, hint));
    };
    Ok(JobAddress::Storage(storage, tag))
}
