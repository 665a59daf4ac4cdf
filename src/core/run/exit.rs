//! How the trainer process ends, as seen from outside.

/// Exit codes of `isoflop-trainer`. Anything else, a signal included, is a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TrainerExit {
    /// An outcome was written: finished or diverged.
    Outcome = 0,
    /// A fault of the program.
    Crash = 1,
    /// The launch file is missing, damaged, or contradicts the program: trying again is no use.
    BadLaunch = 2,
    /// The device asked for is not there: trying again is no use.
    NoDevice = 3,
    /// A file could not be written, for example because the disk is full.
    CannotWrite = 4,
    /// Memory ran out.
    OutOfMemory = 5,
    /// The coordinator is gone.
    Orphaned = 6,
    /// It was asked to stop, and left a checkpoint.
    Preempted = 7,
    /// The device failed or is gone; what the process knows of it is of no use any more. A new process may find it again.
    DeviceLost = 8,
}

impl TrainerExit {
    /// The end in words that follow "the trainer", where the code says more than that something went wrong. Its own
    /// message may be missing: a full disk takes no log either.
    pub fn meaning(self) -> Option<&'static str> {
        match self {
            Self::Outcome | Self::Crash => None,
            Self::BadLaunch => Some("could not use its launch file"),
            Self::NoDevice => Some("has not the device it was given"),
            Self::CannotWrite => Some("could not write its files: is the disk full?"),
            Self::OutOfMemory => Some("ran out of memory"),
            Self::Orphaned => Some("lost its coordinator"),
            Self::Preempted => Some("was stopped, and left a checkpoint"),
            Self::DeviceLost => Some("lost its device"),
        }
    }

    /// The meaning of an exit code.
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
