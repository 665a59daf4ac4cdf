//! Authentication of workers, by token and protocol version. Other callers get no information, and
//! a limited number of responses.

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

use super::connection_limit::ConnectionLimit;
use super::request_error::RequestError;
use super::tokens::WorkerTokens;
use crate::protocol::{SAME_ISOFLOP, VERSION_HEADER, version};

/// Requests without a valid token, per address and [`WINDOW`], that are answered with 401. Further
/// ones get 429.
const MOST_FAILURES: u32 = 20;

/// Time over which failed requests are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Maximum addresses with a separate count. All others share one count.
const MOST_ADDRESSES: usize = 4096;

/// Authentication of requests.
#[derive(Debug)]
pub(super) struct Authenticator {
    tokens: WorkerTokens,
    failures: Mutex<FailedCalls>,
    /// Limit of connections without a valid token.
    pub(super) connections: ConnectionLimit,
}

/// Counts of requests without a valid token, by address.
#[derive(Debug)]
struct FailedCalls {
    since: Instant,
    counts: HashMap<Option<IpAddr>, u32>,
}

/// Worker that sent a request.
#[derive(Clone, Debug)]
pub(super) struct AuthenticatedWorker {
    pub(super) worker: String,
}

impl Authenticator {
    pub(super) fn new(tokens: WorkerTokens) -> Self {
        let failures = FailedCalls {
            since: Instant::now(),
            counts: HashMap::new(),
        };
        Self {
            tokens,
            failures: Mutex::new(failures),
            connections: ConnectionLimit::open(),
        }
    }

    fn whose(&self, headers: &HeaderMap) -> Option<String> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        self.tokens.find_worker(value.strip_prefix("Bearer ")?)
    }

    /// Counts a request without a valid token. Returns true if the address has sent too many.
    fn is_too_many(&self, from: IpAddr, now: Instant) -> bool {
        self.failures.lock().count(from, now) > MOST_FAILURES
    }
}

impl FailedCalls {
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

/// Admits requests with a valid token and the same protocol version. The body of other requests is
/// not read.
pub(super) async fn authenticate(
    State(door): State<Arc<Authenticator>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    // The token is checked before the count, because all callers behind a tunnel share an address.
    let Some(worker) = door.whose(request.headers()) else {
        let too_many = door.is_too_many(from.ip(), Instant::now());
        let status = if too_many {
            StatusCode::TOO_MANY_REQUESTS
        } else {
            StatusCode::UNAUTHORIZED
        };
        debug!(%from, status = status.as_u16(), "request refused: no valid token");
        return (status, [(header::CONNECTION, "close")]).into_response();
    };
    door.connections.exempt(from);
    let call = debug_span!("call", worker, %from, path = request.uri().path());
    let spoken = request.headers().get(VERSION_HEADER);
    let spoken = spoken.and_then(|value| value.to_str().ok());
    let spoken = spoken.unwrap_or("none");
    let (isoflop, ours) = (env!("CARGO_PKG_VERSION"), version());
    if spoken != ours {
        let error = format!(
            "protocol version mismatch: the coordinator (isoflop {isoflop}) uses {ours}, the worker {spoken}"
        );
        let refusal = || RequestError::new(StatusCode::UPGRADE_REQUIRED, error, SAME_ISOFLOP);
        return call.in_scope(|| refusal().into_response());
    }
    request
        .extensions_mut()
        .insert(AuthenticatedWorker { worker });
    let response = next.run(request).instrument(call.clone()).await;
    if response.status().is_client_error() {
        call.in_scope(|| debug!(status = response.status().as_u16(), "request failed"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_counted_by_address_and_time() {
        let mut failures = FailedCalls {
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
