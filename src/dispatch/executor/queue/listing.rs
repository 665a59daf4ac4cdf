//! Which jobs an engine knows, asked once for all that wait.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::debug;

use super::dialect::Dialect;
use crate::exchange::BackendError;

/// The latest answer of an engine.
#[derive(Debug, Default)]
pub(super) struct Listing {
    last: Mutex<Option<Answer>>,
    /// Why it does not say what it has, if it did not when it was asked last.
    silence: parking_lot::Mutex<Option<BackendError>>,
    /// Whether it has ever said anything.
    has_answered: AtomicBool,
}

#[derive(Debug)]
struct Answer {
    /// When it was asked.
    at: Instant,
    /// What it said; nothing if it did not.
    tags: Option<HashSet<String>>,
}

impl Listing {
    /// Whether the engine knows a job, by an answer no older than `every` and asked for after `since`; nothing if it does not say.
    pub(super) async fn knows(
        &self,
        dialect: &impl Dialect,
        tag: &str,
        since: Instant,
        every: Duration,
    ) -> Option<bool> {
        let mut last = self.last.lock().await;
        let is_fresh = |answer: &Answer| answer.at >= since && answer.at.elapsed() < every;
        if !last.as_ref().is_some_and(is_fresh) {
            let at = Instant::now();
            let tags = self.heard(dialect.live().await);
            *last = Some(Answer { at, tags });
        }
        last.as_ref()?.tags.as_ref().map(|tags| tags.contains(tag))
    }

    fn heard(&self, answer: Result<HashSet<String>, BackendError>) -> Option<HashSet<String>> {
        let tags = answer.inspect(|_| self.it_answers());
        let tags = tags.inspect_err(|error| {
            let (kind, words) = (error.kind(), error.to_string());
            debug!(kind, error = words, "the engine does not say what it has");
        });
        *self.silence.lock() = tags.as_ref().err().cloned();
        tags.ok()
    }

    /// Why the engine does not say what it has; nothing where it does.
    pub(super) fn silence(&self) -> Option<BackendError> {
        self.silence.lock().clone()
    }

    /// The engine is there.
    pub(super) fn it_answers(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    /// Whether the engine was ever there.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }
}
