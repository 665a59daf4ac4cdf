//! What workers call.

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

use super::anteroom::Gate;
use super::certificate::Identity;
use super::desk::{Desk, beat, end};
use super::door::{Caller, Door, answer_to_strangers};
use super::files::{receive, send};
use super::tokens::Tokens;
use crate::protocol::{ClaimRequest, Hello, LONGEST_WAIT_SECONDS, MOST_JSON, Offer, Welcome};

/// Longest time that a header may take to arrive, and a connection may say nothing between requests.
const HEADER_TIME: Duration = Duration::from_secs(15);

/// Where workers call.
#[derive(Debug)]
pub struct Counter {
    /// What they call at.
    pub listener: TcpListener,
    /// Who this machine is to them; plain HTTP without.
    pub identity: Option<Identity>,
    /// Who they are.
    pub tokens: Tokens,
    /// What the sweep is called.
    pub sweep: String,
}

/// Answers until the process ends.
///
/// # Errors
/// When it cannot listen.
pub(super) async fn serve(counter: Counter, desk: Arc<Desk>) -> std::io::Result<()> {
    let door = Arc::new(Door::new(counter.tokens));
    let anteroom = door.anteroom.clone();
    let make = routes(door, desk).into_make_service_with_connect_info::<SocketAddr>();
    let service = Gate::new(make, anteroom.clone());
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
        Some(Identity { tls }) => {
            let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls)).acceptor(anteroom);
            server.acceptor(tls).serve(service).await
        }
    }
}

fn routes(door: Arc<Door>, desk: Arc<Desk>) -> Router {
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
        // Outermost: who is not known learns not even which routes there are.
        .layer(from_fn_with_state(door, answer_to_strangers))
        .with_state(desk)
}

async fn hello(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Json(hello): Json<Hello>,
) -> Json<Welcome> {
    debug!(?hello, "a worker is there");
    Json(Welcome {
        isoflop: env!("CARGO_PKG_VERSION").to_owned(),
        worker: caller.worker,
        sweep: desk.sweep.clone(),
    })
}

async fn claim(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Json(room): Json<ClaimRequest>,
) -> Json<Option<Offer>> {
    let wait = if room.wait_seconds.is_finite() {
        room.wait_seconds.clamp(0.0, LONGEST_WAIT_SECONDS)
    } else {
        0.0
    };
    let until = Instant::now() + Duration::from_secs_f64(wait);
    loop {
        let news = desk.news.notified();
        tokio::pin!(news);
        // What comes between the look and the wait is heard.
        news.as_mut().enable();
        let now = std::time::Instant::now();
        let offer = desk.office.lock().claim(&caller.worker, &room, now);
        if let Some(offer) = &offer {
            debug!(held = %offer.held, "given to a worker");
        }
        if offer.is_some() || timeout_at(until, news).await.is_err() {
            return Json(offer);
        }
    }
}
