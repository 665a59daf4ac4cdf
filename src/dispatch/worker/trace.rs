//! Under which name an attempt stands in the log of who executes it.

use tracing::{Span, info_span};

use crate::protocol::Held;

/// The span of an attempt.
pub(super) fn attempt_span(held: &Held) -> Span {
    let Held {
        run,
        attempt,
        fence,
    } = held;
    info_span!("attempt", run = run.as_str(), number = attempt, fence)
}
