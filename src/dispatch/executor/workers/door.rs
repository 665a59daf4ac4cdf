//! Who comes in: those with a token, of the same version. Others learn nothing, and not often.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use tracing::{Instrument, debug, debug_span};

use super::anteroom::Anteroom;
use super::failure::Failure;
use super::tokens::Tokens;
use crate::protocol::{SAME_ISOFLOP, VERSION_HEADER, version};

/// Attempts at the door without a good token that are answered, from one address in one [`WINDOW`].
const MOST_FAILURES: u32 = 20;

/// The time over which they are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are counted at a time; beyond, all others share one count.
const MOST_ADDRESSES: usize = 4096;

/// The door.
#[derive(Debug)]
pub(super) struct Door {
    tokens: Tokens,
    failures: Mutex<Failures>,
    /// Where callers wait until they are known.
    pub(super) anteroom: Anteroom,
}

/// Who called without a good token, and how often.
#[derive(Debug)]
struct Failures {
    since: Instant,
    counts: HashMap<Option<IpAddr>, u32>,
}

/// Who calls.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) worker: String,
}

impl Door {
    pub(super) fn new(tokens: Tokens) -> Self {
        let failures = Failures {
            since: Instant::now(),
            counts: HashMap::new(),
        };
        Self {
            tokens,
            failures: Mutex::new(failures),
            anteroom: Anteroom::open(),
        }
    }

    fn whose(&self, headers: &HeaderMap) -> Option<String> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        self.tokens.whose(value.strip_prefix("Bearer ")?)
    }

    /// Counts a stranger; says whether it is one too many.
    fn is_too_many(&self, from: IpAddr, now: Instant) -> bool {
        self.failures.lock().count(from, now) > MOST_FAILURES
    }
}

impl Failures {
    fn count(&mut self, from: IpAddr, now: Instant) -> u32 {
        if now.duration_since(self.since) > WINDOW {
            (self.since, self.counts) = (now, HashMap::new());
        }
        let counted = self.counts.len() < MOST_ADDRESSES || self.counts.contains_key(&Some(from));
        let count = self.counts.entry(counted.then_some(from)).or_insert(0);
        *count = count.saturating_add(1);
        *count
    }
}

/// Lets in who is known and speaks the same version. The body of a stranger's request is not read.
pub(super) async fn answer_to_strangers(
    State(door): State<Arc<Door>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    // A known worker is let in however many strangers come from its address: a tunnel has one for all.
    let Some(worker) = door.whose(request.headers()) else {
        let too_many = door.is_too_many(from.ip(), Instant::now());
        let status = if too_many {
            StatusCode::TOO_MANY_REQUESTS
        } else {
            StatusCode::UNAUTHORIZED
        };
        debug!(%from, status = status.as_u16(), "a caller without a good token is refused");
        return (status, [(header::CONNECTION, "close")]).into_response();
    };
    door.anteroom.welcome(from);
    let call = debug_span!("call", worker, %from, path = request.uri().path());
    let spoken = request.headers().get(VERSION_HEADER);
    let spoken = spoken.and_then(|value| value.to_str().ok());
    let spoken = spoken.unwrap_or("none");
    let (isoflop, ours) = (env!("CARGO_PKG_VERSION"), version());
    if spoken != ours {
        let error = format!(
            "this coordinator is isoflop {isoflop}, which speaks version {ours}; the worker speaks {spoken}"
        );
        let refusal = || Failure::new(StatusCode::UPGRADE_REQUIRED, error, SAME_ISOFLOP);
        return call.in_scope(|| refusal().into_response());
    }
    request.extensions_mut().insert(Caller { worker });
    let response = next.run(request).instrument(call.clone()).await;
    if response.status().is_client_error() {
        call.in_scope(|| debug!(status = response.status().as_u16(), "it is not carried out"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_counted_by_address_and_time() {
        let mut failures = Failures {
            since: Instant::now(),
            counts: HashMap::new(),
        };
        let (one, two): (IpAddr, IpAddr) =
            ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let now = failures.since;
        assert_eq!(
            (1..=3)
                .map(|_| failures.count(one, now))
                .collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert_eq!(failures.count(two, now), 1);
        assert_eq!(
            failures.count(one, now + WINDOW + Duration::from_secs(1)),
            1
        );
        for n in 0..2 * MOST_ADDRESSES as u32 {
            failures.count(std::net::Ipv4Addr::from(n).into(), now + WINDOW);
        }
        assert!(failures.counts.len() <= MOST_ADDRESSES + 1);
    }
}
