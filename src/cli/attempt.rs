//! `isoflop attempt`

use super::args::AttemptArgs;
use super::{Exit, output};
use isoflop_app::AppError;
use isoflop_core::run::AttemptDir;
use isoflop_dispatch::executor::{Attended, StorageAddress, Trainer, attend};
use isoflop_dispatch::worker::{self, JobOptions, attend_by_storage};

const ELSEWHERE: &str = "this attempt is executed by another job, or was: nothing is done here";

/// Exits with 0 however the trainer ended: `end.json` says that, and an engine that thinks it knows better tries again.
pub(super) fn main(args: &AttemptArgs) -> Result<Exit, AppError> {
    let trainer = Trainer::find(args.trainer.trainer.as_deref())?;
    let address = args
        .attempt
        .to_str()
        .filter(|address| address.contains("://"));
    if let Some(address) = address {
        return by_storage(address, args, trainer);
    }
    match attend(&AttemptDir::new(args.attempt.clone()), &trainer)? {
        Attended::Ended(end) => output::note(end.words()),
        Attended::Elsewhere => output::note(ELSEWHERE),
    }
    Ok(Exit::Ok)
}

fn by_storage(address: &str, args: &AttemptArgs, trainer: Trainer) -> Result<Exit, AppError> {
    let (endpoint, region) = (args.endpoint.clone(), args.region.clone());
    let Some((storage, tag)) = StorageAddress::of_attempt(address, endpoint, region) else {
        let message = format!(
            "`{address}` is no address of an attempt: `s3://bucket/prefix/attempts/TAG` is one"
        );
        return Err(AppError::usage(
            message,
            "`isoflop run` gives attempts to engines; to train a run, use that",
        ));
    };
    let scratch = std::env::temp_dir().join(format!("{tag}-{}", std::process::id()));
    let options = JobOptions {
        storage,
        tag,
        trainer,
        scratch,
    };
    match attend_by_storage(&options, |words| output::note(words))? {
        worker::Attended::Ended => {}
        worker::Attended::Elsewhere => output::note(ELSEWHERE),
        worker::Attended::Unwanted => output::note(
            "this attempt is not in the storage, or not any more: nothing is done here",
        ),
    }
    Ok(Exit::Ok)
}
