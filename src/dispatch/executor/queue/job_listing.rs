//! List of an engine's jobs, requested once for all attempts.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::debug;

use super::backend::QueueBackend;
use crate::exchange::BackendError;

/// Latest list of an engine's jobs.
#[derive(Debug, Default)]
pub(super) struct JobListing {
    last: Mutex<Option<ListingAnswer>>,
    /// Error of the last request, if it failed.
    silence: parking_lot::Mutex<Option<BackendError>>,
    /// True once the engine has answered any request.
    has_answered: AtomicBool,
}

#[derive(Debug)]
struct ListingAnswer {
    /// Time of the request.
    at: Instant,
    /// Tags of the jobs. `None` if the request failed.
    tags: Option<HashSet<String>>,
}

impl JobListing {
    /// Reports whether the engine lists a job. The list is no older than `every`, and was requested
    /// after `since`. `None` if the engine does not answer.
    pub(super) async fn lists(
        &self,
        dialect: &impl QueueBackend,
        tag: &str,
        since: Instant,
        every: Duration,
    ) -> Option<bool> {
        let mut last = self.last.lock().await;
        let is_fresh = |answer: &ListingAnswer| answer.at >= since && answer.at.elapsed() < every;
        if !last.as_ref().is_some_and(is_fresh) {
            let at = Instant::now();
            let tags = self.heard(dialect.live().await);
            *last = Some(ListingAnswer { at, tags });
        }
        last.as_ref()?.tags.as_ref().map(|tags| tags.contains(tag))
    }

    fn heard(&self, answer: Result<HashSet<String>, BackendError>) -> Option<HashSet<String>> {
        let tags = answer.inspect(|_| self.record_answer());
        let tags = tags.inspect_err(|error| {
            let (kind, words) = (error.kind(), error.to_string());
            debug!(kind, error = words, "cannot list the jobs of the engine");
        });
        *self.silence.lock() = tags.as_ref().err().cloned();
        tags.ok()
    }

    /// Error of the last request. `None` if it succeeded.
    pub(super) fn last_error(&self) -> Option<BackendError> {
        self.silence.lock().clone()
    }

    /// Records that the engine has answered.
    pub(super) fn record_answer(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    /// Reports whether the engine has ever answered.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }
}
