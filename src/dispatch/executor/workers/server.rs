//! HTTP server for workers.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Json, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, put};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::authentication::{AuthenticatedWorker, Authenticator, authenticate};
use super::certificate::ServerIdentity;
use super::connection_limit::LimitedAcceptor;
use super::files::{receive, send};
use super::lease_service::{LeaseService, beat, end};
use super::tokens::WorkerTokens;
use crate::protocol::{
    Assignment, ClaimRequest, HandshakeRequest, HandshakeResponse, LONGEST_WAIT_SECONDS, MOST_JSON,
};

/// Longest time for the arrival of a header, and for an idle connection between requests.
const HEADER_TIME: Duration = Duration::from_secs(15);

/// Settings of the server for workers.
#[derive(Debug)]
pub struct WorkerServer {
    /// Socket for connections.
    pub listener: TcpListener,
    /// Certificate and key. `None`: plain HTTP.
    pub identity: Option<ServerIdentity>,
    /// Tokens of the workers.
    pub tokens: WorkerTokens,
    /// Name of the sweep.
    pub sweep: String,
}

/// Serves requests until the process ends.
///
/// # Errors
/// When the socket cannot be used.
pub(super) async fn serve(counter: WorkerServer, desk: Arc<LeaseService>) -> std::io::Result<()> {
    let door = Arc::new(Authenticator::new(counter.tokens));
    let anteroom = door.connections.clone();
    let make = routes(door, desk).into_make_service_with_connect_info::<SocketAddr>();
    let service = LimitedAcceptor::new(make, anteroom.clone());
    let mut server = axum_server::from_tcp(counter.listener)?
        .http1_only()
        .first_request_timeout(HEADER_TIME);
    server
        .http_builder()
        .http1()
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(64 << 10);
    match counter.identity {
        None => server.acceptor(anteroom).serve(service).await,
        Some(ServerIdentity { tls }) => {
            let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls)).acceptor(anteroom);
            server.acceptor(tls).serve(service).await
        }
    }
}

fn routes(door: Arc<Authenticator>, desk: Arc<LeaseService>) -> Router {
    Router::new()
        .route("/v1/hello", post(hello))
        .route("/v1/claim", post(claim))
        .route("/v1/beat", post(beat))
        .route("/v1/end", post(end))
        .route("/v1/blobs/{digest}", get(send))
        .route(
            "/v1/checkpoints/{run}/{attempt}/{fence}/{place}/{step}/{file}",
            put(receive),
        )
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(DefaultBodyLimit::max(MOST_JSON))
        // The outermost layer: callers without a valid token cannot find out which routes exist.
        .layer(from_fn_with_state(door, authenticate))
        .with_state(desk)
}

async fn hello(
    State(desk): State<Arc<LeaseService>>,
    Extension(caller): Extension<AuthenticatedWorker>,
    Json(hello): Json<HandshakeRequest>,
) -> Json<HandshakeResponse> {
    debug!(?hello, "worker connected");
    Json(HandshakeResponse {
        isoflop: env!("CARGO_PKG_VERSION").to_owned(),
        worker: caller.worker,
        sweep: desk.sweep.clone(),
    })
}

async fn claim(
    State(desk): State<Arc<LeaseService>>,
    Extension(caller): Extension<AuthenticatedWorker>,
    Json(room): Json<ClaimRequest>,
) -> Json<Option<Assignment>> {
    let wait = if room.wait_seconds.is_finite() {
        room.wait_seconds.clamp(0.0, LONGEST_WAIT_SECONDS)
    } else {
        0.0
    };
    let until = Instant::now() + Duration::from_secs_f64(wait);
    loop {
        let news = desk.news.notified();
        tokio::pin!(news);
        // Registers before the check. Otherwise an attempt that is queued between check and wait
        // would be missed.
        news.as_mut().enable();
        let now = std::time::Instant::now();
        let offer = desk.leases.lock().claim(&caller.worker, &room, now);
        if let Some(offer) = &offer {
            debug!(held = %offer.held, "assigned to a worker");
        }
        if offer.is_some() || timeout_at(until, news).await.is_err() {
            return Json(offer);
        }
    }
}
