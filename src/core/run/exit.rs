//! Exit codes of the trainer process.

/// Exit codes of `isoflop-trainer`. Any other code, or a signal, is a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TrainerExit {
    /// An outcome was written: finished or diverged.
    Outcome = 0,
    /// The program crashed.
    Crash = 1,
    /// The launch file is missing, damaged, or contradicts the program. A retry cannot succeed.
    BadLaunch = 2,
    /// The requested device does not exist. A retry cannot succeed.
    NoDevice = 3,
    /// A file could not be written, for example because the disk is full.
    CannotWrite = 4,
    /// Memory ran out.
    OutOfMemory = 5,
    /// The coordinator has exited.
    Orphaned = 6,
    /// The trainer was asked to stop, and wrote a checkpoint.
    Preempted = 7,
    /// The device failed or disappeared, and this process cannot use it any more. A new process may
    /// find it again.
    DeviceLost = 8,
}

impl TrainerExit {
    /// Phrase that follows "the trainer", if the code has a specific cause. The trainer's own
    /// message may be missing, for example because the disk is full.
    pub fn cause(self) -> Option<&'static str> {
        match self {
            Self::Outcome | Self::Crash => None,
            Self::BadLaunch => Some("cannot use its launch file"),
            Self::NoDevice => Some("cannot use the device that it was given"),
            Self::CannotWrite => Some("could not write its files: is the disk full?"),
            Self::OutOfMemory => Some("ran out of memory"),
            Self::Orphaned => Some("lost its coordinator"),
            Self::Preempted => Some("was stopped and left a checkpoint"),
            Self::DeviceLost => Some("lost its device"),
        }
    }

    /// Converts an exit code. Any unknown code is a crash.
    pub fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Outcome,
            2 => Self::BadLaunch,
            3 => Self::NoDevice,
            4 => Self::CannotWrite,
            5 => Self::OutOfMemory,
            6 => Self::Orphaned,
            7 => Self::Preempted,
            8 => Self::DeviceLost,
            _ => Self::Crash,
        }
    }
}
