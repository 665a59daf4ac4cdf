//! `isoflop attempt`

use super::args::AttemptArgs;
use super::{Exit, Failed, output};
use crate::executor::{AttendError, Attended, Trainer, attend};
use crate::run::AttemptDir;

/// Exits with 0 however the trainer ended: `end.json` says that, and an engine that thinks it knows better tries again.
pub(super) fn main(args: &AttemptArgs) -> Result<Exit, Failed> {
    let trainer = Trainer::find(args.trainer.trainer.as_deref())?;
    match attend(&AttemptDir::new(args.folder.clone()), &trainer)? {
        Attended::Ended(end) => output::note(end.words()),
        Attended::Elsewhere => output::note("this attempt is executed by another job, or was: nothing is done here"),
    }
    Ok(Exit::Ok)
}

impl From<AttendError> for Failed {
    fn from(error: AttendError) -> Self {
        match error {
            AttendError::NoLaunch { .. } => Self::new(
                Exit::Usage,
                error,
                "`isoflop run` writes attempts and gives them to engines; to train a run, use that",
            ),
            AttendError::Unwritable { .. } => {
                Self::new(Exit::Bug, error, "free space, and check that this machine can write to the results folder")
            }
            AttendError::Runtime(_) => Self::new(Exit::Bug, error, "see `isoflop logs RUN`; it will be tried again"),
        }
    }
}
