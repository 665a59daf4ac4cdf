//! How runs are treated where a sweep does not say, wherever they execute.

use super::RunOrder;
use crate::{At, Count, Number};

pub(super) fn order() -> RunOrder {
    RunOrder::LongestFirst
}

pub(super) fn max_attempts() -> At<Count> {
    At::nowhere(Count(5))
}

pub(super) fn retry_seconds() -> At<Number> {
    At::nowhere(Number(1.0))
}

pub(super) fn checkpoint_seconds() -> At<Number> {
    At::nowhere(Number(300.0))
}

pub(super) fn stall_seconds() -> At<Number> {
    At::nowhere(Number(300.0))
}

pub(super) fn threads_per_run() -> At<Count> {
    At::nowhere(Count(1))
}

pub(super) fn max_pending() -> At<Count> {
    At::nowhere(Count(100))
}

pub(super) fn poll_seconds() -> At<Number> {
    At::nowhere(Number(10.0))
}

pub(super) fn grace_seconds() -> At<Number> {
    At::nowhere(Number(60.0))
}
