//! How long and how large messages may be.

/// Longest wait for a run that fits, seconds.
pub const LONGEST_WAIT_SECONDS: f64 = 30.0;

/// Most bytes of events in one beat.
pub const MOST_EVENTS: usize = 1 << 20;

/// Most bytes of a message that is JSON; files have limits of their own.
pub const MOST_JSON: usize = 8 << 20;

/// Most bytes of what a trainer printed that are delivered with its end: the latest.
pub const MOST_LOG: usize = 1 << 20;
