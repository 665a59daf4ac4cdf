//! Failures: reasons that an attempt ended without an outcome.

use std::fmt;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};

use isoflop_core::run::TrainerExit;
use isoflop_core::units::bytes;

/// A failure, with its exit code and message.
#[derive(Debug)]
pub(crate) struct TrainerFailure {
    pub(crate) exit: TrainerExit,
    message: String,
}

impl TrainerFailure {
    pub(crate) fn new(exit: TrainerExit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    pub(crate) fn bad_launch(message: impl Into<String>) -> Self {
        Self::new(TrainerExit::BadLaunch, message)
    }

    /// Prints a note to the attempt's log.
    pub(crate) fn note(message: impl fmt::Display) {
        // Standard error is the attempt's log. Training continues if it cannot be written.
        let _ = writeln!(std::io::stderr(), "note: {message}");
    }

    /// Builds a failure to write `what`.
    pub(crate) fn cannot_write(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(
            TrainerExit::CannotWrite,
            format!("cannot write `{what}`: {error}"),
        )
    }
}

impl fmt::Display for TrainerFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<tch::TchError> for TrainerFailure {
    fn from(error: tch::TchError) -> Self {
        Self::from_torch(&error.to_string())
    }
}

/// Messages of libtorch, its allocators and the C++ library when memory runs out.
const NO_MEMORY: [&str; 4] = [
    "out of memory",
    "can't allocate memory",
    "DefaultCPUAllocator",
    "std::bad_alloc",
];

/// Messages of CUDA (from `cudaGetErrorString`) when the device failed, or when a fault on it made
/// the process's context unusable. The last two are of a GPU that has fallen off its bus. Excludes
/// faults of the program that would recur, such as a failed assertion in a kernel.
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

impl TrainerFailure {
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

    /// Adds the estimated memory and the peak memory, bytes, to the message of an out-of-memory
    /// failure.
    pub(crate) fn with_memory_estimate(self, estimate: Option<u64>, held: u64) -> Self {
        match (self.exit, estimate) {
            (TrainerExit::OutOfMemory, Some(estimate)) => {
                let (estimate, held) = (bytes(estimate), bytes(held));
                let message = format!(
                    "estimated {estimate}, used at most {held}: {}",
                    self.message
                );
                Self { message, ..self }
            }
            _ => self,
        }
    }
}

/// Returns the first line of libtorch's message. Removes the text that tch adds when its operators
/// panic (which escapes line ends), and the C++ stack, which does not help a user.
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

/// Calls `work` and converts a panic to a failure with a message of one line. tch's operators panic
/// on libtorch's errors.
pub(crate) fn catch(
    work: impl FnOnce() -> Result<(), TrainerFailure>,
) -> Result<(), TrainerFailure> {
    panic::set_hook(Box::new(|_| {}));
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let message = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(TrainerFailure::from_torch(
            message.unwrap_or("the trainer failed without a message"),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of libtorch 2.11, each with its exit code.
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
            let failure = TrainerFailure::from_torch(message);
            format!("{:?}: {failure}", failure.exit)
        });
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn the_wrong_estimate_is_told_where_memory_ran_out() {
        let told = |exit| {
            TrainerFailure::new(exit, "out of memory")
                .with_memory_estimate(Some(312 << 20), 2 << 30)
                .to_string()
        };
        assert_eq!(
            told(TrainerExit::OutOfMemory),
            "estimated 312 MiB, used at most 2.0 GiB: out of memory"
        );
        assert_eq!(told(TrainerExit::Crash), "out of memory");
    }
}
