//! How long all that an engine has of a sweep may wait, with nothing begun.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::LOOK;
use crate::exchange::BackendError;
use isoflop_core::units::duration;

/// For how long jobs have waited without any that began, and how long they may.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    /// What each of them asks for, in words.
    wanted: String,
    waited: Mutex<Waited>,
}

impl Patience {
    pub(super) fn new(limit: Duration, wanted: String) -> Self {
        Self {
            limit,
            wanted,
            waited: Mutex::default(),
        }
    }

    /// One of the jobs has begun: there is room for what they ask for.
    pub(super) async fn one_began(&self) {
        *self.waited.lock().await = Waited::default();
    }

    /// The engine says that one of the jobs waits.
    ///
    /// # Errors
    /// [`BackendError::Rejected`], when that has been so for too long.
    pub(super) async fn one_waits(&self) -> Result<(), BackendError> {
        if self.waited.lock().await.after(Instant::now()) < self.limit {
            return Ok(());
        }
        let limit = duration(self.limit.as_secs_f64());
        Err(BackendError::Rejected(format!(
            "no job of the sweep has begun in {limit} (`pending_seconds`); each asks for {}",
            self.wanted
        )))
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
        let since = self
            .looked
            .replace(now)
            .map_or(Duration::ZERO, |looked| now - looked);
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
