//! Timeout for jobs that all wait in a queue.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::exchange::BackendError;
use isoflop_core::units::duration;

/// Longest time between two checks for an attempt's `end.json`.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// Time for which all jobs have waited, and its limit.
#[derive(Debug)]
pub(super) struct PendingTimeout {
    /// Limit, and the resources of each job as text. `None`: jobs may wait forever.
    deadline: Option<(Duration, String)>,
    waited: Mutex<PendingTime>,
}

impl PendingTimeout {
    pub(super) fn new(deadline: Option<(Duration, String)>) -> Self {
        Self {
            deadline,
            waited: Mutex::default(),
        }
    }

    /// Resets the time: a job has started, so the engine has the resources for it.
    pub(super) fn job_started(&self) {
        *self.waited.lock() = PendingTime::default();
    }

    /// Records that a job waits in the queue.
    ///
    /// # Errors
    /// [`BackendError::Rejected`], if jobs have waited for too long.
    pub(super) fn job_waits(&self) -> Result<(), BackendError> {
        let waited = self.waited.lock().after(Instant::now());
        match &self.deadline {
            Some((limit, wanted)) if waited >= *limit => Err(BackendError::Rejected(format!(
                "no job of the sweep has started in {} (`pending_seconds`); each needs {wanted}",
                duration(limit.as_secs_f64())
            ))),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Default)]
struct PendingTime {
    time: Duration,
    looked: Option<Instant>,
}

impl PendingTime {
    /// Adds the time since the last check, and returns the sum. Longer gaps do not count: there
    /// were no jobs, or an outage.
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
        let (mut waited, began) = (PendingTime::default(), Instant::now());
        let mut at = |seconds: u64| waited.after(began + Duration::from_secs(seconds)).as_secs();
        assert_eq!([0, 1, 2].map(&mut at), [0, 1, 2]);
        // Several jobs check at the same time.
        assert_eq!([2, 3, 3].map(&mut at), [2, 3, 3]);
        // Then there is no check for an hour.
        assert_eq!([3603, 3604].map(&mut at), [5, 6]);
    }
}
