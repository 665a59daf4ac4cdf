//! Why an attempt ended without an outcome.

use std::fmt;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};

use isoflop::run::TrainerExit;

/// A failure: how to exit, and what to say.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: TrainerExit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: TrainerExit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    pub(crate) fn bad_launch(message: impl Into<String>) -> Self {
        Self::new(TrainerExit::BadLaunch, message)
    }

    /// Something worth a line in the log, and no failure.
    pub(crate) fn note(message: impl fmt::Display) {
        // Standard error is the attempt's log; training does not depend on it.
        let _ = writeln!(std::io::stderr(), "note: {message}");
    }

    /// A failure to write `what`.
    pub(crate) fn cannot_write(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(TrainerExit::CannotWrite, format!("cannot write `{what}`: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<tch::TchError> for Failure {
    fn from(error: tch::TchError) -> Self {
        Self::from_torch(&error.to_string())
    }
}

impl Failure {
    fn from_torch(message: &str) -> Self {
        let out_of_memory = ["out of memory", "can't allocate memory", "DefaultCPUAllocator"];
        let exit = if out_of_memory.iter().any(|words| message.contains(words)) {
            TrainerExit::OutOfMemory
        } else {
            TrainerExit::Crash
        };
        // libtorch appends its C++ stack, which helps nobody who reads a log.
        let first_line = message.lines().next().unwrap_or(message);
        Self::new(exit, first_line.to_owned())
    }
}

/// Runs `work`; a panic (tch's operators panic on libtorch's errors) becomes a failure in one line.
pub(crate) fn catch(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    panic::set_hook(Box::new(|_| {}));
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "the trainer failed without a message".to_owned());
        Err(Failure::from_torch(&message))
    })
}
