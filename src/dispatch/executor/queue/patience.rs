//! How long all that an engine has of a sweep may wait, with nothing begun.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::exchange::BackendError;
use isoflop_core::units::duration;

/// Longest time between looks for the file that tells of an attempt's end.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// For how long jobs have waited without any that began, and how long they may.
#[derive(Debug)]
pub(super) struct Patience {
    /// How long they may, and what each of them asks for, in words; nothing where they may wait for ever.
    deadline: Option<(Duration, String)>,
    waited: Mutex<Waited>,
}

impl Patience {
    pub(super) fn new(deadline: Option<(Duration, String)>) -> Self {
        Self {
            deadline,
            waited: Mutex::default(),
        }
    }

    /// One of the jobs has begun: there is room for what they ask for.
    pub(super) fn one_began(&self) {
        *self.waited.lock() = Waited::default();
    }

    /// The engine says that one of the jobs waits.
    ///
    /// # Errors
    /// [`BackendError::Rejected`], when that has been so for too long.
    pub(super) fn one_waits(&self) -> Result<(), BackendError> {
        let waited = self.waited.lock().after(Instant::now());
        match &self.deadline {
            Some((limit, wanted)) if waited >= *limit => Err(BackendError::Rejected(format!(
                "no job of the sweep has begun in {} (`pending_seconds`); each asks for {wanted}",
                duration(limit.as_secs_f64())
            ))),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Default)]
struct Waited {
    time: Duration,
    looked: Option<Instant>,
}

impl Waited {
    /// The time waited, after a look at a job that waits. Time in which nobody looked does not count: there were no jobs, or no
    /// answers.
    fn after(&mut self, now: Instant) -> Duration {
        let looked = self.looked.replace(now);
        let since = looked.map_or(Duration::ZERO, |looked| now - looked);
        self.time += since.min(2 * LOOK);
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_while_somebody_looks() {
        let (mut waited, began) = (Waited::default(), Instant::now());
        let mut at = |seconds: u64| waited.after(began + Duration::from_secs(seconds)).as_secs();
        assert_eq!([0, 1, 2].map(&mut at), [0, 1, 2]);
        // Several jobs look, at the same moments.
        assert_eq!([2, 3, 3].map(&mut at), [2, 3, 3]);
        // Then nobody does for an hour.
        assert_eq!([3603, 3604].map(&mut at), [5, 6]);
    }
}
