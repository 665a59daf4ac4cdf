//! Why an attempt ended without an outcome.

use std::fmt;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};

use isoflop_core::run::TrainerExit;
use isoflop_core::units::bytes;

/// A failure: how to exit, and what to say.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: TrainerExit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: TrainerExit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
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
        Self::new(
            TrainerExit::CannotWrite,
            format!("cannot write `{what}`: {error}"),
        )
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

/// What libtorch, its allocators and the C++ library say when there is no memory.
const NO_MEMORY: [&str; 4] = [
    "out of memory",
    "can't allocate memory",
    "DefaultCPUAllocator",
    "std::bad_alloc",
];

/// What CUDA says (the texts of `cudaGetErrorString`; the last two are of a GPU that has fallen off its bus) when the device
/// failed, or when a fault on it has left the process's context unusable. A fault of the program that would come again, such as an assertion of a kernel, is not among them.
const NO_DEVICE: [&str; 12] = [
    "uncorrectable ECC error encountered",
    "uncorrectable NVLink error detected",
    "an illegal memory access was encountered",
    "an illegal instruction was encountered",
    "misaligned address",
    "invalid program counter",
    "hardware stack error",
    "unspecified launch failure",
    "the launch timed out and was terminated",
    "CUDA-capable device(s) is/are busy or unavailable",
    "CUDA error: unknown error",
    "no CUDA-capable device is detected",
];

impl Failure {
    fn from_torch(message: &str) -> Self {
        let reason = reason(message);
        let says = |words: &[&str]| words.iter().any(|words| reason.contains(words));
        let exit = if says(&NO_MEMORY) {
            TrainerExit::OutOfMemory
        } else if says(&NO_DEVICE) {
            TrainerExit::DeviceLost
        } else {
            TrainerExit::Crash
        };
        Self::new(exit, reason.to_owned())
    }

    /// Says of a failure for want of memory which estimate was wrong, and what was `held` at most, bytes.
    pub(crate) fn beside_estimate(self, estimate: Option<u64>, held: u64) -> Self {
        match (self.exit, estimate) {
            (TrainerExit::OutOfMemory, Some(estimate)) => {
                let (estimate, held) = (bytes(estimate), bytes(held));
                let message = format!(
                    "estimated {estimate}, held {held} at most, when: {}",
                    self.message
                );
                Self { message, ..self }
            }
            _ => self,
        }
    }
}

/// libtorch's own words, without what tch's operators wrap them in as they panic (with the line's end escaped), and without
/// the C++ stack that follows, which helps nobody who reads a log.
fn reason(message: &str) -> &str {
    let own = message
        .split_once("on an `Err` value: Torch(\"")
        .map_or(message, |(_, own)| own);
    let line = own.lines().next().unwrap_or(own);
    line.split("\\n")
        .next()
        .unwrap_or(line)
        .trim_end_matches("\")")
}

/// Runs `work`; a panic (tch's operators panic on libtorch's errors) becomes a failure in one line.
pub(crate) fn catch(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    panic::set_hook(Box::new(|_| {}));
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let message = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(Failure::from_torch(
            message.unwrap_or("the trainer failed without a message"),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as libtorch 2.11 words them, each with the exit that it leads to.
    #[test]
    fn errors_of_libtorch_are_told_apart() {
        let said = [
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes. Error code 12 (Cannot allocate memory)\nframe #0: c10::ThrowEnforceNotMet",
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB",
            "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
            "std::bad_alloc",
            r#"called `Result::unwrap()` on an `Err` value: Torch("can't allocate memory: 64 bytes for a tensor\nException raised from allocate")"#,
            r#"called `Result::unwrap()` on an `Err` value: Torch("The size of tensor a (2) must match that of b")"#,
            "CUDA error: uncorrectable ECC error encountered\nCUDA kernel errors might be asynchronously reported",
            "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported",
            "CUDA error: unspecified launch failure",
            "CUDA error: the launch timed out and was terminated",
            "CUDA error: CUDA-capable device(s) is/are busy or unavailable",
            "CUDA error: unknown error",
            "CUDA error: device-side assert triggered",
            "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
        ];
        let told = said.map(|message| {
            let failure = Failure::from_torch(message);
            format!("{:?}: {failure}", failure.exit)
        });
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn the_wrong_estimate_is_told_where_memory_ran_out() {
        let told = |exit| {
            Failure::new(exit, "no room")
                .beside_estimate(Some(312 << 20), 2 << 30)
                .to_string()
        };
        assert_eq!(
            told(TrainerExit::OutOfMemory),
            "estimated 312 MiB, held 2.0 GiB at most, when: no room"
        );
        assert_eq!(told(TrainerExit::Crash), "no room");
    }
}
