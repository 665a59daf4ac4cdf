//! Which jobs an engine knows, asked once for all that wait.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::dialect::Dialect;

/// The latest answer of an engine.
#[derive(Debug, Default)]
pub(super) struct Listing {
    last: Mutex<Option<Answer>>,
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
    pub(super) async fn knows(&self, dialect: &Dialect, tag: &str, since: Instant, every: Duration) -> Option<bool> {
        let mut last = self.last.lock().await;
        if last.as_ref().is_none_or(|answer| answer.at < since || answer.at.elapsed() >= every) {
            let at = Instant::now();
            *last = Some(Answer { at, tags: dialect.live().await });
        }
        last.as_ref()?.tags.as_ref().map(|tags| tags.contains(tag))
    }
}
