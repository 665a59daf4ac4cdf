//! Log span of an attempt, on the machine that executes it.

use tracing::{Span, info_span};

use crate::protocol::AttemptKey;

/// Makes the log span of an attempt.
pub(super) fn attempt_span(held: &AttemptKey) -> Span {
    let AttemptKey {
        run,
        attempt,
        fence,
    } = held;
    info_span!("attempt", run = run.as_str(), number = attempt, fence)
}
